import type {
  ElectionView,
  EntryView,
  EventView,
  LockView,
  OtherView,
  ScheduleView,
  SessionView,
  StateView,
  View,
} from '../../inspect/views.ts';
import { advice } from './advice.ts';
import { hangingLines } from './hanging-lines.ts';
import { stateCell } from './listing.ts';
import { counted, isGroup, modeText } from './mode-text.ts';
import { paintStdout, terminalWidth } from './paint.ts';
import { leftText, notesOf, queueLines } from './queue-lines.ts';
import { lastFields, planFields, runFields } from './schedule-lines.ts';
import { durationText, printable } from './text.ts';

/** What is known beyond the Leases. */
export interface Surroundings {
  /** By Pod. */
  readonly nodes: ReadonlyMap<string, string>;
  /** Undefined when they cannot be read. */
  readonly events: readonly EventView[] | undefined;
  /** The server's clock: milliseconds since the epoch. */
  readonly at: number;
}

/** A name and what is said of it; none for a line that goes on. */
type Field = readonly [name: string, text: string | undefined];

/**
 * The lines of `leasehold describe`.
 *
 * @param width - columns of the terminal; as wide as needed if undefined
 */
export function* description(
  view: View,
  surroundings: Surroundings,
  width = terminalWidth(),
): Generator<string> {
  switch (view.kind) {
    case 'Lock':
      yield* lockLines(view, surroundings, width);
      break;
    case 'Election':
      yield* fieldLines(electionFields(view));
      yield* candidateLines(view);
      break;
    case 'Session':
      yield* fieldLines(sessionFields(view, surroundings));
      yield* nameLines('Holds', view.holds);
      yield* nameLines('Waits for', view.waitsFor);
      break;
    case 'Schedule':
      yield* scheduleLines(view);
      break;
    case 'State':
      yield* fieldLines(stateFields(view));
      break;
    case 'Other':
      yield* fieldLines(otherFields(view));
      break;
  }
  yield* eventLines(surroundings, width);
  const todo = advice(view);
  if (todo.length === 0) return;
  yield '';
  yield paintStdout('bold', 'What to do');
  for (const item of todo) {
    if (typeof item === 'string') yield* hangingLines('  ', item, width);
    else yield `  ${item.command}`;
  }
}

function* lockLines(
  view: LockView,
  surroundings: Surroundings,
  width: number | undefined,
): Generator<string> {
  yield* fieldLines([
    ['Lock', printable(view.name)],
    ...whereFields(view),
    ['State', coloured(view.state)],
    ...holdersFields(view),
  ]);
  for (const holder of view.holders) {
    yield '';
    yield* fieldLines([
      ['Holder', printable(holder.session)],
      ['  Process', processText(holder, surroundings)],
      ['  Held', sinceText(holder.heldSeconds, holder.since)],
      ['  Session', sessionText(holder)],
      ['  Attempt', attemptText(holder)],
      ['  Metadata', metadataText(holder)],
      ['  Fence', holder.fence ?? 'in the record once it is rewritten'],
      ...notesOf(holder).map((note): Field => ['  Note', note]),
    ]);
  }
  for (const id of view.unreadableHolders) {
    yield '';
    yield* fieldLines([
      [
        'Holder',
        paintStdout('red', `unreadable: annotation holder.leasehold.dev/${printable(id)}`),
      ],
    ]);
  }
  yield '';
  yield* fieldLines([['Queue', view.queue.length === 0 ? 'nobody waits' : waiting(view)]]);
  if (view.queue.length > 0) yield* queueLines(view, width);
  if (view.unreadableQueue.length > 0) {
    yield* fieldLines([
      ['Ignored', `unreadable queue entries: ${view.unreadableQueue.map(printable).join(', ')}`],
    ]);
  }
}

/** Of what several can hold, how many do. */
function holdersFields({ mode, permits, holders }: LockView): Field[] {
  if (permits) {
    const { held, limit, stated, resized } = permits;
    const excess =
      held > limit ? `, ${String(held - limit)} too many: they are not taken away` : '';
    const change = `to ${counted(limit, 'permit')}; its programs state ${String(stated)}`;
    return [
      ['Permits', `${String(held)} of ${String(limit)} held${excess}`],
      ['Resized', resized ? change : undefined],
    ];
  }
  if (isGroup({ holders })) return [['Members', String(holders.length)]];
  if (mode !== 'shared' || holders.length === 0) return [];
  return [['Readers', `${String(holders.length)}; a writer waits until there is none`]];
}

function metadataText({ metadata }: EntryView): string | undefined {
  return metadata === null ? undefined : printable(JSON.stringify(metadata));
}

function attemptText(entry: EntryView): string {
  const how = entry.permits === null ? `mode ${printable(entry.mode)}` : modeText(entry);
  return `${printable(entry.attempt)}, ${how}`;
}

function waiting({ queue, longestWaitSeconds }: LockView): string {
  const longest =
    longestWaitSeconds === null ? '' : `, the longest for ${durationText(longestWaitSeconds)}`;
  return `${String(queue.length)} waiting${longest}; they go in this order`;
}

function* scheduleLines(view: ScheduleView): Generator<string> {
  yield* fieldLines([
    ['Schedule', printable(view.name)],
    ...whereFields(view),
    ['State', coloured(view.state)],
    ['Unreadable', view.unreadable === null ? undefined : printable(view.unreadable)],
    ...planFields(view),
  ]);
  if (view.run) {
    yield '';
    yield* fieldLines(runFields(view.run, coloured(view.run.sessionState)));
  }
  yield '';
  yield* fieldLines(lastFields(view.last));
}

function electionFields(view: ElectionView): Field[] {
  const { leader, strategy, preferredHolder, transferTo, resignTo, value, priority } = view;
  const renewed =
    view.renewedAgoSeconds === null ? 'never' : `${durationText(view.renewedAgoSeconds)} ago`;
  return [
    ['Election', printable(view.name)],
    ...whereFields(view),
    ['State', coloured(view.state)],
    ['Leader', leader === null ? 'nobody' : printable(leader)],
    ['Leads', leader === null ? undefined : sinceText(view.ledSeconds, view.since)],
    [
      'Renewed',
      leader === null
        ? undefined
        : `${renewed}; overdue after ${durationText(view.leaseDurationSeconds)}`,
    ],
    ['Changes', `${String(view.transitions)} of leader so far`],
    [
      'Transfer',
      transferTo === null ? undefined : `the last leader asks for ${printable(transferTo)}`,
    ],
    [
      'Resign',
      view.resignRequested
        ? `the leader was asked to${resignTo === null ? '' : `, for ${printable(resignTo)}`}`
        : undefined,
    ],
    [
      'Strategy',
      strategy === null ? undefined : `${printable(strategy)}: the API server picks the leader`,
    ],
    ['Preferred', preferredHolder === null ? undefined : printable(preferredHolder)],
    ['Value', value === null ? undefined : printable(value)],
    ['Priority', priority === null ? undefined : String(priority)],
  ];
}

/** Of an election some of whose candidates have a priority: the others are in no list. */
function* candidateLines({ candidates, leader }: ElectionView): Generator<string> {
  if (candidates.length === 0) return;
  yield '';
  const listed = `${String(candidates.length)} with a priority, the best first`;
  yield* fieldLines([['Candidates', listed]]);
  for (const { identity, priority, session, sessionState } of candidates) {
    const leads = identity === leader ? ', leads' : '';
    const state = sessionState === 'live' ? '' : `: ${coloured(sessionState)}`;
    yield `  ${printable(identity)}: priority ${String(priority)}${leads}, session ${printable(session)}${state}`;
  }
}

function sessionFields(view: SessionView, surroundings: Surroundings): Field[] {
  const { remainingSeconds: left, voidAttempts, challenge } = view;
  const ttl = durationText(view.ttlSeconds);
  return [
    ['Session', view.lease],
    ['Namespace', view.namespace],
    ['State', coloured(view.state)],
    ['Process', view.process === null ? 'none: revoked' : processText(view, surroundings)],
    ['Began', agoText(view.ageSeconds, view.started)],
    ['Renewed', agoText(view.renewedAgoSeconds, view.renewed)],
    [
      'Ttl',
      left === null
        ? ttl
        : left < 0
          ? `${ttl}, overdue for ${durationText(-left)}`
          : `${ttl}, ${durationText(left)} left`,
    ],
    ['Void', voidAttempts.length === 0 ? undefined : voidAttempts.map(printable).join(' ')],
    [
      'Challenge',
      challenge === null ? undefined : `a waiter asks whether it knows ${printable(challenge)}`,
    ],
  ];
}

function stateFields(view: StateView): Field[] {
  const { what, says, writes, changed, changedAgoSeconds } = view;
  return [
    [what === null ? 'State' : titleOf(what), printable(view.name)],
    ...whereFields(view),
    ['Says', coloured(printable(says))],
    ['Changed', agoText(changedAgoSeconds, changed)],
    ['Writes', `${String(writes)} so far`],
  ];
}

function titleOf(kind: string): string {
  return printable(kind.slice(0, 1).toUpperCase() + kind.slice(1));
}

function otherFields(view: OtherView): Field[] {
  const { holder, renewed, renewedAgoSeconds } = view;
  return [
    ['Lease', view.lease],
    ['Namespace', view.namespace],
    ['What', `${view.description}: no lock, election or session`],
    ['Holder', holder === null ? 'none' : printable(holder)],
    ['Renewed', agoText(renewedAgoSeconds, renewed)],
  ];
}

function whereFields({
  namespace,
  name,
  lease,
}: LockView | ElectionView | ScheduleView | StateView): Field[] {
  return [
    ['Namespace', namespace],
    ['Lease', lease === name ? undefined : lease],
  ];
}

function processText(
  { process, pod }: { readonly process: string | null; readonly pod: string | null },
  { nodes }: Surroundings,
): string {
  if (process === null) return 'unknown';
  const node = pod === null ? undefined : nodes.get(pod);
  const where = node === undefined ? '' : ` on node ${printable(node)}`;
  if (pod === null) return printable(process);
  return pod === process
    ? `Pod ${printable(pod)}${where}`
    : `${printable(process)}, Pod ${printable(pod)}${where}`;
}

function sessionText(entry: EntryView): string {
  const { sessionState, sessionAgeSeconds: age } = entry;
  const old = age === null ? '' : `, ${durationText(age)} old`;
  switch (sessionState) {
    case 'live':
      return `live: ${leftText(entry)} of its ttl left${old}`;
    case 'overdue':
      return `${coloured('overdue')}: not renewed for ${leftText(entry).replace('-', '')} beyond its ttl${old}`;
    case 'blank':
      return `${coloured('blank')}: revoked, dead for everybody${old}`;
    case 'missing':
      return `${coloured('missing')}: its Lease is gone, or was made again`;
  }
}

function coloured(state: string): string {
  const { text, colour } = stateCell(state);
  return colour === undefined ? text : paintStdout(colour, text);
}

function sinceText(seconds: number | null, moment: string | null): string {
  if (seconds === null || moment === null) return 'the Lease does not say since when';
  return `for ${durationText(seconds)}, since ${momentText(moment)}`;
}

function agoText(seconds: number | null, moment: string | null): string {
  if (seconds === null || moment === null) return 'never, as far as the Lease says';
  return `${durationText(seconds)} ago, at ${momentText(moment)}`;
}

function momentText(moment: string): string {
  return moment.replace(/\.\d+Z$/, 'Z').replace('T', ' ');
}

function* eventLines({ events, at }: Surroundings, width: number | undefined): Generator<string> {
  yield '';
  if (!events) {
    yield* fieldLines([['Events', 'cannot be read; that takes the verb list on events']]);
    return;
  }
  if (events.length === 0) {
    yield* fieldLines([['Events', 'none']]);
    return;
  }
  yield* fieldLines([['Events', 'the latest last']]);
  for (const { time, reason, message, type, count } of events) {
    const age = time === null ? '?' : durationText(Math.max(0, (at - Date.parse(time)) / 1_000));
    const what = `${reason}${count > 1 ? ` (${String(count)} times)` : ''}: ${message}`;
    for (const line of hangingLines(`  ${age.padEnd(6)} `, printable(what), width)) {
      yield type === 'Warning' ? paintStdout('yellow', line) : line;
    }
  }
}

function* nameLines(title: string, names: readonly string[]): Generator<string> {
  yield '';
  yield* fieldLines([[title, names.length === 0 ? 'no lock' : `${String(names.length)} of:`]]);
  for (const name of names) yield `  ${printable(name)}`;
}

const FIELD_WIDTH = 11;

/** One line each; what is undefined is left out. */
function* fieldLines(fields: readonly Field[]): Generator<string> {
  for (const [name, text] of fields) {
    if (text !== undefined) yield `${paintStdout('dim', name.padEnd(FIELD_WIDTH))} ${text}`;
  }
}
