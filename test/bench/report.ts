// One line a measurement: what, the figure, the target, and whether it was reached.

let missed = 0;

export function report(what: string, value: number, relation: '>=' | '<=', target: number): void {
  const reached = relation === '>=' ? value >= target : value <= target;
  if (!reached) missed += 1;
  console.log(
    `${reached ? 'reached' : 'MISSED '}  ${value.toFixed(2).padStart(9)}  (target ${relation} ${target})  ${what}`,
  );
}

export const note = (text: string): void => console.log(`         ${text}`);

export const missedTargets = (): number => missed;
