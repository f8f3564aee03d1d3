import { LEASE_API_VERSION } from '../../src/core/lease.ts';
import type { Lease } from '../../src/core/lease.ts';
import { daysAway, now } from './attacks.ts';
import type { Change } from './attacks.ts';
import type { Pod } from './guarded.ts';
import { PRINCIPAL, entry, granted, heldSpec } from './leases.ts';

/** Who is there: all of one service account. */
export interface Cast {
  /** Leads, has the session and holds the lock. */
  readonly victim: Pod;
  /** Waits for the lock, before the thief. */
  readonly waiter: Pod;
  /** The uid of the waiter's session, which has the name `bb`. */
  readonly waiting: string;
  readonly thief: Pod;
}

/** What the thief writes to a Lease. */
type Attempt = (lease: Lease) => Change;

const HOLDER = 'holder.leasehold.dev/aa-1';

/** All that a thief tries, by kind of Lease and by name. */
export function attemptsOf(
  cast: () => Cast,
): Record<'election' | 'session' | 'lock' | 'readers', Record<string, Attempt>> {
  const blank = { holderIdentity: '' };
  const annotated = (annotations: object): Change => ({ metadata: { annotations } });
  const labelled = (labels: object): Change => ({ metadata: { labels } });
  const owner = () => [{ apiVersion: 'v1', kind: 'Pod', name: 'gone', uid: cast().thief.uid }];
  const take = (principal = cast().thief.principal): Change => ({
    metadata: { annotations: { [PRINCIPAL]: principal } },
    spec: { ...heldSpec('thief'), leaseTransitions: 1 },
  });
  const planted = (lease: Lease, time: string): Change => ({
    metadata: {
      managedFields: lease.metadata.managedFields?.map((fields) => ({ ...fields, time })),
    },
  });
  const inMode = (mode: string): string =>
    entry(cast().thief, 'cc').replace('mode=exclusive', mode);
  const entered = (lease: Lease, mode: string): string => granted(lease, inMode(mode));
  const longAgo = '2020-01-01T00:00:00Z';
  const farAway = '2040-01-01T00:00:00Z';

  const onElection: Record<string, Attempt> = {
    'early takeover': () => take(),
    'early takeover in the name of the holder': () => take(cast().victim.principal),
    'early takeover with a clock a year ahead': () => ({
      ...take(),
      spec: { ...take().spec, renewTime: daysAway(365), acquireTime: daysAway(365) },
    }),
    'early takeover with a clock a year behind': () => ({
      ...take(),
      spec: { ...take().spec, renewTime: daysAway(-365), acquireTime: daysAway(-365) },
    }),
    'release of what another holds': () => ({
      spec: { ...blank, renewTime: now(), leaseDurationSeconds: 1 },
    }),
    'holder taken away': () => ({ spec: { holderIdentity: null } }),
    'spec taken away': () => ({
      spec: { holderIdentity: null, leaseDurationSeconds: null, renewTime: null },
    }),
    'all of the spec taken away': () => ({ spec: null }),
    'duration shortened': () => ({ spec: { leaseDurationSeconds: 1 } }),
    'duration prolonged': () => ({ spec: { leaseDurationSeconds: 3600 } }),
    'renewed a year ago': () => ({ spec: { renewTime: daysAway(-365) } }),
    'renewed for another': () => ({ spec: { renewTime: now() } }),
    'renewed a year ahead': () => ({ spec: { renewTime: daysAway(365) } }),
    'fencing counter raised': () => ({ spec: { leaseTransitions: 999 } }),
    'principal replaced': () => annotated({ [PRINCIPAL]: cast().thief.principal }),
    'principal taken away': () => annotated({ [PRINCIPAL]: null }),
    'any annotation': () => annotated({ 'example.com/edit': 'again' }),
    'transfer to oneself': () => annotated({ 'leasehold.dev/transfer-to': 'thief' }),
    'guard label': () => labelled({ 'leasehold.dev/guard': 'off' }),
    'made a session': () => labelled({ 'leasehold.dev/role': 'session' }),
    'made a lock': () => labelled({ 'leasehold.dev/role': 'lock' }),
    'owner that is gone': () => ({ metadata: { ownerReferences: owner() } }),
    finalizer: () => ({ metadata: { finalizers: ['example.com/never'] } }),
    'challenge, which is for sessions': () => annotated({ 'leasehold.dev/challenge': 'aa-1' }),
    'question that hides a release': () => ({
      ...annotated({ 'leasehold.dev/resign': 'victim/0' }),
      spec: blank,
    }),
    'question too long': () => annotated({ 'leasehold.dev/resign': 'x'.repeat(513) }),
    'managedFields stripped': () => ({
      metadata: { managedFields: [{}] },
      spec: take().spec ?? {},
    }),
    'managedFields stripped beside a question': () => ({
      metadata: { managedFields: [{}], annotations: { 'leasehold.dev/resign': 'victim/0' } },
    }),
    'managedFields dated back beside a question': (lease) => ({
      metadata: {
        ...planted(lease, longAgo).metadata,
        annotations: { 'leasehold.dev/resign': 'victim/0' },
      },
    }),
    'managedFields dated ahead beside a question': (lease) => ({
      metadata: {
        ...planted(lease, farAway).metadata,
        annotations: { 'leasehold.dev/resign': 'victim/0' },
      },
    }),
    'managedFields dated back in a takeover': (lease) => ({
      ...take(),
      metadata: { ...take().metadata, ...planted(lease, longAgo).metadata },
    }),
    'managedFields filled up beside a question': (lease) => ({
      metadata: {
        managedFields: [
          ...(lease.metadata.managedFields ?? []),
          ...Array.from({ length: 12 }, (_, index) => ({
            manager: `planted-${String(index)}`,
            operation: 'Update',
            apiVersion: LEASE_API_VERSION,
            time: farAway,
            fieldsType: 'FieldsV1',
            fieldsV1: { 'f:spec': { 'f:leaseDurationSeconds': {} } },
          })),
        ],
        annotations: { 'leasehold.dev/resign': 'victim/0' },
      },
    }),
  };

  const onSession: Record<string, Attempt> = {
    'early revocation': () => ({ spec: { ...blank, renewTime: now() } }),
    'early revocation without a date': () => ({ spec: blank }),
    'taken over': () => take(),
    'attempts declared void': () => annotated({ 'leasehold.dev/void': 'aa-1' }),
    'duration shortened': () => ({ spec: { leaseDurationSeconds: 1 } }),
    'owner taken away': () => ({ metadata: { ownerReferences: null } }),
    'owner replaced': () => ({ metadata: { ownerReferences: owner() } }),
    finalizer: () => ({ metadata: { finalizers: ['example.com/never'] } }),
    'role taken away': () => labelled({ 'leasehold.dev/role': null }),
    'made a lock': () => labelled({ 'leasehold.dev/role': 'lock' }),
    'challenge that hides a revocation': () => ({
      ...annotated({ 'leasehold.dev/challenge': 'aa-1' }),
      spec: blank,
    }),
  };

  const onLock: Record<string, Attempt> = {
    'holder taken out': () => annotated({ [HOLDER]: null }),
    'holder replaced': () =>
      annotated({ [HOLDER]: null, 'holder.leasehold.dev/cc-9': entry(cast().thief, 'cc') }),
    'holder edited': () => annotated({ [HOLDER]: entry(cast().thief, 'aa') }),
    'second holder': () => annotated({ 'holder.leasehold.dev/cc-9': entry(cast().thief, 'cc') }),
    'granted to itself': () =>
      annotated({
        [HOLDER]: null,
        'queue.leasehold.dev/cc-1': null,
        'holder.leasehold.dev/cc-1': entry(cast().thief, 'cc'),
      }),
    'settled for a holder that lives': () => ({
      ...annotated({
        [HOLDER]: null,
        'queue.leasehold.dev/bb-1': null,
        'holder.leasehold.dev/bb-1': entry(cast().waiter, 'bb', { uid: cast().waiting }),
      }),
      spec: { renewTime: now() },
    }),
    emptied: () =>
      annotated({
        [HOLDER]: null,
        'queue.leasehold.dev/bb-1': null,
        'queue.leasehold.dev/cc-1': null,
      }),
    'waiter before it taken out': () => annotated({ 'queue.leasehold.dev/bb-1': null }),
    'waiter before it edited': () => annotated({ 'queue.leasehold.dev/bb-1': 'v=1' }),
    'joined in the name of another': () =>
      annotated({
        'queue.leasehold.dev/cc-2': entry(cast().thief, 'cc', {
          principal: cast().victim.principal,
        }),
      }),
    'joined with two principals': () =>
      annotated({
        'queue.leasehold.dev/cc-2': `${entry(cast().thief, 'cc')} principal=${cast().victim.principal}`,
      }),
    'joined without principal': () =>
      annotated({ 'queue.leasehold.dev/cc-2': 'v=1 session=cc uid=cc' }),
    'joined with what no client reads': () =>
      annotated({ 'queue.leasehold.dev/cc-2': `\u0000 principal=${cast().thief.principal} ` }),
    'joined oversize': () =>
      annotated({
        'queue.leasehold.dev/cc-2': `${entry(cast().thief, 'cc')} x=${'y'.repeat(600)}`,
      }),
    'joined nine times': () =>
      annotated(
        Object.fromEntries(
          Array.from({ length: 9 }, (_, index) => [
            `queue.leasehold.dev/cc-${String(index + 2)}`,
            entry(cast().thief, 'cc'),
          ]),
        ),
      ),
    'a thousand annotations': () =>
      annotated(
        Object.fromEntries(
          Array.from({ length: 1_000 }, (_, index) => [
            `queue.leasehold.dev/cc-${String(index + 2)}`,
            'x',
          ]),
        ),
      ),
    'entered as a reader': (lease) =>
      annotated({ 'holder.leasehold.dev/cc-9': entered(lease, 'mode=shared') }),
    'entered with a permit': (lease) =>
      annotated({ 'holder.leasehold.dev/cc-9': entered(lease, 'mode=permit weight=1 of=9') }),
    'holder made a reader, to read beside it': (lease) =>
      annotated({
        [HOLDER]: lease.metadata.annotations?.[HOLDER]?.replace('exclusive', 'shared'),
        'queue.leasehold.dev/cc-1': null,
        'holder.leasehold.dev/cc-1': entered(lease, 'mode=shared'),
      }),
    'number of permits': () => annotated({ 'leasehold.dev/permits': 'limit=9 stated=1' }),
    'joined in a mode that nobody knows': () =>
      annotated({ 'queue.leasehold.dev/cc-2': inMode('mode=intent') }),
    'joined in two modes': () =>
      annotated({ 'queue.leasehold.dev/cc-2': inMode('mode=shared mode=exclusive') }),
    'joined for less than no permit': () =>
      annotated({ 'queue.leasehold.dev/cc-2': inMode('mode=permit weight=-9 of=9') }),
    'waiter before it replaced by itself': () =>
      annotated({ 'queue.leasehold.dev/bb-1': entry(cast().thief, 'cc') }),
    'any annotation': () => annotated({ 'example.com/edit': 'again' }),
    'settled, with managedFields that make it look old': (lease) => ({
      metadata: {
        managedFields: [
          ...(lease.metadata.managedFields ?? []),
          {
            manager: 'planted',
            operation: 'Update',
            apiVersion: LEASE_API_VERSION,
            time: farAway,
            fieldsType: 'FieldsV1',
            fieldsV1: { 'f:spec': { 'f:renewTime': {} } },
          },
        ],
        annotations: {
          [HOLDER]: null,
          'queue.leasehold.dev/bb-1': null,
          'queue.leasehold.dev/cc-1': null,
        },
      },
      spec: { ...blank, renewTime: now() },
    }),
    'spec blanked': () => ({ spec: { ...blank, renewTime: now() } }),
    'spec that lapses': () => ({ spec: { leaseDurationSeconds: 1 } }),
    'role taken away': () => labelled({ 'leasehold.dev/role': null }),
    'made a session': () => labelled({ 'leasehold.dev/role': 'session' }),
    'left out of the guard': () => labelled({ 'leasehold.dev/guard': 'off' }),
    'any label': () => labelled({ edit: 'again' }),
    'owner that is gone': () => ({ metadata: { ownerReferences: owner() } }),
    finalizer: () => ({ metadata: { finalizers: ['example.com/never'] } }),
  };

  /** It reads itself, beside the victim; behind both waits a writer. */
  const onReaders: Record<string, Attempt> = {
    'other holder taken out': () => annotated({ [HOLDER]: null }),
    'other holder taken out together with itself': () =>
      annotated({ [HOLDER]: null, 'holder.leasehold.dev/cc-1': null }),
    'other holder taken out, and what it read written': () =>
      annotated({ [HOLDER]: null, 'holder.leasehold.dev/cc-1': entry(cast().thief, 'cc') }),
    'itself made a writer': () =>
      annotated({ 'holder.leasehold.dev/cc-1': entry(cast().thief, 'cc') }),
    'other holder made a writer': () =>
      annotated({ [HOLDER]: entry(cast().victim, 'aa', { uid: 'aa' }) }),
    'other holder given a fencing token': (lease) =>
      annotated({ [HOLDER]: `${lease.metadata.annotations?.[HOLDER] ?? ''} fence=99999999` }),
    'another reader of its own past the writer': (lease) =>
      annotated({ 'holder.leasehold.dev/cc-9': entered(lease, 'mode=shared') }),
    'the writer taken out': () => annotated({ 'queue.leasehold.dev/bb-1': null }),
    'the writer taken out for another reader of its own': (lease) =>
      annotated({
        'queue.leasehold.dev/bb-1': null,
        'holder.leasehold.dev/cc-9': entered(lease, 'mode=shared'),
      }),
    'the writer made a reader': () =>
      annotated({
        'queue.leasehold.dev/bb-1': entry(cast().waiter, 'bb', { uid: cast().waiting }).replace(
          'mode=exclusive',
          'mode=shared',
        ),
      }),
    'the writer granted beside readers': (lease) =>
      annotated({
        'queue.leasehold.dev/bb-1': null,
        'holder.leasehold.dev/bb-1': granted(
          lease,
          entry(cast().waiter, 'bb', { uid: cast().waiting }),
        ),
      }),
    'number of permits': () => annotated({ 'leasehold.dev/permits': 'limit=9 stated=1' }),
    'named as if it held alone': () => ({ spec: { holderIdentity: 'thief', renewTime: now() } }),
    'named as if nobody held': () => ({ spec: { ...blank, renewTime: now() } }),
  };

  return { election: onElection, session: onSession, lock: onLock, readers: onReaders };
}
