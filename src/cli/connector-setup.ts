import type { Manifest } from '../../connectors/manifest.ts';

// What somebody who connects a service has to know next: which address to enter there, and what else there is to do.

export interface Hook {
  hook_url: string;
  _warning: string;
}

const ONLY_HERE = /^(localhost|127\.[\d.]+|0\.0\.0\.0|\[::1?\])$/;

/** The address of a hook, shown once; and what to do where no service would reach it. */
export function toldHook({ hook_url, _warning }: Hook): string {
  const told = `  hook  ${hook_url}\n\n${_warning}`;
  const { hostname, origin } = new URL(hook_url);
  if (!ONLY_HERE.test(hostname)) return told;
  return `${told}\nOnly this machine reaches ${origin}: set PUBLIC_URL to how the outside reaches the gateway, and enter that in its place.`;
}

/** What there is to do to set a service up, in the order it is done. */
export const toldSteps = ({ title, setup }: Manifest): string =>
  [`To set up ${title}:`, ...setup.map((step, at) => `  ${at + 1}. ${step}`)].join('\n');
