import { LeaseholdError } from '../../core/errors.ts';
import { weightOf } from '../../core/mode.ts';
import { isLimit, isPermits } from '../../core/permits.ts';
import type { Resizing } from '../../core/permits.ts';
import { findSemaphore, hasPermits, resize } from '../../repair/resize.ts';
import type { Resized, ShownSemaphore } from '../../repair/resize.ts';
import { EXIT } from '../exit-codes.ts';
import { shellWord } from '../output/text.ts';
import type { RepairFlags } from './options.ts';
import { exitCodeOfApproval, repair } from './run.ts';
import type { RepairRun } from './run.ts';

export interface ResizeFlags extends RepairFlags {
  readonly permits: string;
  readonly stated?: string;
}

export function runResize(name: string, flags: ResizeFlags): Promise<number> {
  return repair(flags, async (run) => {
    const permits = numberOf('--permits', flags.permits, 0);
    const stated = flags.stated === undefined ? undefined : numberOf('--stated', flags.stated, 1);
    const semaphore = await findSemaphore(run.workshop, name, stated);
    if (semaphore) return change(run, semaphore, permits);
    run.complain(
      `nobody holds or waits for permits of ${name}, so there is no Lease in namespace ${run.namespace}: check the name and -n, or add --stated N with the number that its programs state`,
    );
    return EXIT.noSuchName;
  });
}

async function change(run: RepairRun, semaphore: ShownSemaphore, permits: number): Promise<number> {
  const { name, record, stated, limit } = semaphore;
  const shown = {
    semaphore: name.original,
    permits,
    before: limit,
    stated,
    held: heldOf(semaphore),
  };
  if (hasPermits(record, stated, permits)) {
    run.line(already(semaphore));
    await run.report('Resizing', { ...shown, result: 'already' });
    return 0;
  }
  show(run, semaphore, permits);
  const approval = await run.approve(`Change it to ${permitsText(permits)}?`);
  if (approval !== 'approved') {
    await run.report('Resizing', { ...shown, result: approval });
    return exitCodeOfApproval(approval);
  }
  const resized = await resize(run.workshop, semaphore, permits);
  if (resized.kind !== 'resized') {
    if (resized.kind === 'already') run.line(already({ ...semaphore, limit: permits }));
    else run.complain(changed(name.original, resized.resized));
    await run.report('Resizing', { ...shown, result: resized.kind });
    return resized.kind === 'already' ? 0 : EXIT.unchanged;
  }
  run.line(done(semaphore, permits, resized));
  const eventWritten = await run.note(resized.lease, {
    type: 'Normal',
    reason: 'Resized',
    message: `from ${String(limit)} to ${permitsText(permits)} by leasehold resize; its programs state ${String(stated)}`,
  });
  const { created, deleted, confirmed } = resized;
  const result = { result: 'resized', created, deleted, confirmed, eventWritten };
  await run.report('Resizing', { ...shown, ...result });
  return 0;
}

function show(run: RepairRun, semaphore: ShownSemaphore, permits: number): void {
  const { name, record, stated, limit } = semaphore;
  const back = `leasehold resize ${shellWord(name.original)} --permits ${String(limit)}`;
  run.line(`Semaphore ${name.original} in namespace ${run.namespace}`);
  const byHolders = record?.holders.length === 1 ? 'holder' : 'holders';
  run.facts([
    ['permits', `${String(limit)} now, ${String(permits)} after this`],
    ['stated', `${String(stated)} by its programs`],
    [
      'held',
      record
        ? `${String(heldOf(semaphore))} by ${String(record.holders.length)} ${byHolders}`
        : 'none: there is no Lease yet',
    ],
    ['queue', queueText(semaphore)],
    ['back', back],
  ]);
  for (const text of consequences(semaphore, permits)) run.paragraph(text);
}

function queueText({ record }: ShownSemaphore): string {
  const [first] = record?.queue ?? [];
  if (!record || !first) return 'nobody waits';
  return `${String(record.queue.length)} waiting, the first for ${permitsText(first.weight)}`;
}

/** What it means to go on. */
function consequences(semaphore: ShownSemaphore, permits: number): string[] {
  const { record, stated, limit } = semaphore;
  const texts: string[] = [];
  const held = heldOf(semaphore);
  if (permits === 0) {
    texts.push(
      'Nobody is let in any more until the number is raised. Nothing is taken from those who hold.',
    );
  } else if (permits < limit) {
    const wait =
      held > permits ? `: ${String(held)} are held, so nobody is let in until fewer are` : '';
    texts.push(`Nothing is taken from those who hold${wait}.`);
  } else if (record && record.queue.length > 0) {
    texts.push('Whoever waits is let in, in the order of the queue, as far as there is room.');
  }
  const large = record?.queue.find(({ of, weight }) => of === stated && weight > permits);
  if (large && permits > 0) {
    texts.push(
      `WARNING: ${large.session} waits for ${permitsText(large.weight)}, more than there will be: it waits until the number is raised, and so does everybody behind it.`,
    );
  }
  const entries = record ? [...record.holders, ...record.queue] : [];
  if (entries.length > 0 && !entries.some(({ of }) => of === stated)) {
    texts.push(
      `Nobody who is in it states ${String(stated)}: it counts for programs that do, and changes nothing for the others.`,
    );
  }
  const other = record?.resized;
  if (other && other.stated !== stated && permits !== stated) {
    texts.push(
      `This replaces another change: ${permitsText(other.limit)} for programs that state ${String(other.stated)}.`,
    );
  }
  if (permits === stated) {
    texts.push('Its Lease then says nothing else any more, and goes when nobody is in it.');
  } else {
    texts.push('Its Lease stays while nobody is in it, until the change is taken back.');
  }
  return texts;
}

function done(
  { name, stated }: ShownSemaphore,
  permits: number,
  { deleted, confirmed }: Extract<Resized, { kind: 'resized' }>,
): string {
  const doubt = confirmed ? '' : ' (the answer was lost; the record shows it)';
  const rest = deleted
    ? 'its programs state that, and nobody was in it, so its Lease is gone'
    : permits === stated
      ? 'as its programs state'
      : `its programs state ${String(stated)}`;
  return `Semaphore ${name.original} has ${permitsText(permits)} now${doubt}; ${rest}.`;
}

function already({ name, limit, stated }: ShownSemaphore): string {
  const why = limit === stated ? 'as its programs state' : `its programs state ${String(stated)}`;
  return `Nothing was changed: semaphore ${name.original} has ${permitsText(limit)} already, ${why}.`;
}

function changed(name: string, resized: Resizing | undefined): string {
  const now = resized
    ? `it was changed to ${permitsText(resized.limit)} for programs that state ${String(resized.stated)}`
    : 'a change of it was taken back';
  return `nothing was changed: somebody else was faster with semaphore ${name}, ${now}; look, and run this anew`;
}

/** Of whoever is in the semaphore, whatever they state. */
function heldOf({ record }: ShownSemaphore): number {
  return weightOf(record?.holders ?? []);
}

function permitsText(permits: number): string {
  return `${String(permits)} ${permits === 1 ? 'permit' : 'permits'}`;
}

function numberOf(option: string, text: string, least: 0 | 1): number {
  const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (least === 0 ? isLimit(value) : isPermits(value)) return value;
  throw new LeaseholdError(
    'INVALID_ARGUMENT',
    `${option} must be a number from ${String(least)} to 1000000, not ${text}`,
  );
}
