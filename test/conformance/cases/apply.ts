import { type Case, conform } from '../case.ts';
import type { Answer, Conversation } from '../conversation.ts';
import { HELD, lease, RENEWED_LATER } from '../objects.ts';

/** Server-side apply: the manager owns what it sends, and removes what it no longer sends. */
async function apply(
  api: Conversation,
  manager: string,
  body: unknown,
  query = '',
): Promise<Answer> {
  const headers = { 'content-type': 'application/apply-patch+yaml' };
  return api.send('PATCH', `leases/a?fieldManager=${manager}${query}`, body, { headers });
}

function annotated(annotations: Readonly<Record<string, string>>, spec?: object): object {
  return lease('a', spec && { ...spec }, { annotations });
}

export const applyCases: readonly Case[] = [
  conform('apply: creates what is missing', [201, 200], async (api) => {
    await apply(api, 'one', lease('a', HELD));
    await api.get('leases/a');
  }),
  conform('apply: the same again keeps the resourceVersion', [201, 200], async (api) => {
    await apply(api, 'one', lease('a', HELD));
    await apply(api, 'one', lease('a', HELD));
  }),
  conform('apply: what is no longer sent is removed', [201, 200], async (api) => {
    await apply(api, 'one', annotated({ a: '1', b: '2' }, HELD));
    await apply(api, 'one', annotated({ a: '1' }));
  }),
  conform('apply: two managers share an object', [201, 200, 200], async (api) => {
    await apply(api, 'one', annotated({ a: '1' }));
    await apply(api, 'two', annotated({ b: '2' }));
    await apply(api, 'one', lease('a'));
  }),
  // A takeover by apply is refused, unless forced: but only among those who apply.
  conform('apply: a conflict, and by force', [201, 409, 200, 200], async (api) => {
    await apply(api, 'one', lease('a', HELD));
    await apply(api, 'two', lease('a', { holderIdentity: 'you' }));
    await apply(api, 'two', lease('a', { holderIdentity: 'you' }), '&force=true');
    await api.get('leases/a');
  }),
  conform('apply: a conflict with an update', [201, 409, 200], async (api) => {
    await api.post('leases', lease('a', HELD));
    await apply(api, 'one', lease('a', { renewTime: RENEWED_LATER }));
    await apply(api, 'one', lease('a', { renewTime: HELD.renewTime }));
  }),
  conform('apply: an update takes from who applied', [201, 200, 409], async (api) => {
    await apply(api, 'one', lease('a', HELD));
    await api.mergePatch('leases/a', { spec: { holderIdentity: 'you' } });
    await apply(api, 'one', lease('a', HELD));
  }),
  conform('apply: without a field manager', [422], async (api) => {
    const headers = { 'content-type': 'application/apply-patch+yaml' };
    await api.send('PATCH', 'leases/a', lease('a'), { headers });
  }),
  conform('apply: of another name, and of no kind', [400, 400], async (api) => {
    await apply(api, 'one', lease('b'));
    await apply(api, 'one', { metadata: { name: 'a' } });
  }),
  conform('apply: unknown fields', [500], async (api) => {
    await apply(api, 'one', lease('a', { surprise: 1 }));
  }),
  conform('apply: a spec that is not valid', [422, 500], async (api) => {
    await apply(api, 'one', lease('a', { leaseDurationSeconds: 0 }));
    await apply(api, 'one', lease('a', { renewTime: '2024-05-06T07:08:09.123Z' }));
  }),
  // Like PUT, it creates a missing Lease whatever the version: no compare-and-swap by itself.
  conform('apply: with a resourceVersion', [201, 200, 409, 200], async (api) => {
    await apply(api, 'one', lease('a', HELD, { resourceVersion: '1' }));
    const { body } = await apply(api, 'one', lease('a', HELD));
    const { resourceVersion } = body.metadata;
    await apply(api, 'one', lease('a', HELD, { resourceVersion: '1' }));
    await apply(api, 'one', lease('a', { ...HELD, leaseTransitions: 1 }, { resourceVersion }));
  }),
  conform('apply: dryRun', [201, 404], async (api) => {
    await apply(api, 'one', lease('a', HELD), '&dryRun=All');
    await api.get('leases/a');
  }),
  conform('apply: force in another patch', [201, 422], async (api) => {
    await api.post('leases', lease('a'));
    await api.mergePatch('leases/a?force=true', {});
  }),
];
