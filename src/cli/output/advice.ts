import type { LockView, View } from '../../inspect/views.ts';
import { shellWord } from './text.ts';

/** What a person on call can do about it; nothing where all is well, or mends itself. */
export function advice(view: View): string[] {
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
    case 'Other':
      return [];
  }
}

function lockAdvice(view: LockView): string[] {
  const { namespace, lease, queue } = view;
  const [unreadable] = view.unreadableHolders;
  if (unreadable !== undefined) {
    return [
      'Find out who wrote that annotation; nobody gets the lock until it is removed:',
      `leasehold release ${shellWord(lease)} --force --attempt ${shellWord(unreadable)} -n ${namespace}`,
    ];
  }
  const [holder] = view.holders;
  if (!holder) return [];
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
      return [];
  }
}

function revocation(session: string, namespace: string): string {
  return `leasehold revoke ${shellWord(session)} -n ${namespace}`;
}
