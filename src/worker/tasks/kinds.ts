import { classifyCall } from './classify-call.ts';
import { dispatchCall } from './dispatch-call.ts';
import { pushToCrm } from './push-to-crm.ts';
import { fetchRecording, removeRecording } from './recordings.ts';
import { scoreLead } from './score-lead.ts';
import { sendMessage } from './send-message.ts';
import type { TaskKind } from './task.ts';

/** What the worker can do. A kind of task is added here, and nowhere else; triggers in sql/ ask for it by its name. */
export const TASK_KINDS: readonly TaskKind[] = [
  classifyCall,
  dispatchCall,
  fetchRecording,
  pushToCrm,
  removeRecording,
  scoreLead,
  sendMessage(),
];
