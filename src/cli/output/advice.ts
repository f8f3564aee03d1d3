import type { HolderView, LockView, View } from '../../inspect/views.ts';
import { shellWord } from './text.ts';

/** A sentence, or a command that is there to be copied. */
export type Advice = string | { readonly command: string };

/** What a person on call can do about it; nothing where all is well, or mends itself. */
export function advice(view: View): Advice[] {
  switch (view.kind) {
    case 'Lock':
      return lockAdvice(view);
    case 'Session':
      return view.state === 'overdue' && view.holds.length > 0
        ? [
            'If its process is gone, free its locks at once instead of when they are wanted:',
            revocation(view.lease, view.namespace),
          ]
        : [];
    case 'Election':
      return view.state === 'overdue'
        ? ['No candidate takes over: see whether any runs, and can reach the API server.']
        : [];
    case 'Schedule':
      return view.state === 'unreadable'
        ? ['Nothing runs by it until it can be read: mend its annotations, or delete the Lease.']
        : [];
    case 'State':
      return view.says === 'broken'
        ? [
            'A party gave up or died. When all parties know of it, one of them begins anew with reset().',
          ]
        : [];
    case 'Other':
      return [];
  }
}

function lockAdvice(view: LockView): Advice[] {
  const { namespace, lease, queue } = view;
  const [unreadable] = view.unreadableHolders;
  if (unreadable !== undefined) {
    return [
      'Find out who wrote that annotation; nobody gets the lock until it is removed:',
      {
        command: `leasehold release ${shellWord(lease)} --force --attempt ${shellWord(unreadable)} -n ${namespace}`,
      },
    ];
  }
  const holder = worst(view);
  if (!holder) return limitAdvice(view);
  if (holder.formatVersion > 1) {
    return view.state === 'held'
      ? []
      : [
          'Look with the leasehold that wrote the entry: this one never changes those of a newer one.',
        ];
  }
  switch (view.state) {
    case 'overdue':
      return queue.some((waiter) => waiter.sessionState === 'live')
        ? ['Nothing: the next in the queue takes it over, at most one ttl after it began to wait.']
        : [
            'Nothing if nobody needs it: whoever wants the lock next takes it over.',
            'To free it now, if its process is gone:',
            revocation(holder.session, namespace),
          ];
    case 'blank':
    case 'void':
      return ['Nothing: whoever looks next passes it on.'];
    case 'missing':
      return ['Nothing: a waiter passes it on one ttl after it has found the session missing.'];
    default:
      return limitAdvice(view);
  }
}

/** The holder by which the lock is in the state in which it is. */
function worst({ holders, state }: LockView): HolderView | undefined {
  return (
    holders.find((holder) => (holder.void ? 'void' : holder.sessionState) === state) ?? holders[0]
  );
}

/** Whoever is next may want more than there is. */
function limitAdvice({ permits, queue, lease, namespace }: LockView): Advice[] {
  const [next] = queue;
  const wanted = next?.permits ?? 0;
  if (!permits || !next || wanted <= permits.limit) return [];
  return [
    'There are fewer permits than the next in the queue waits for; to let it in:',
    {
      command: `leasehold resize ${shellWord(lease)} --permits ${String(wanted)} -n ${namespace}`,
    },
  ];
}

function revocation(session: string, namespace: string): Advice {
  return { command: `leasehold revoke ${shellWord(session)} -n ${namespace}` };
}
