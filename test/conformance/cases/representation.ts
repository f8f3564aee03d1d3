import { type Case, conform, conformEach } from '../case.ts';
import type { Conversation } from '../conversation.ts';
import { HELD, lease } from '../objects.ts';

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const PARTIAL = 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io';
const PARTIAL_LIST = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';

async function two(api: Conversation): Promise<void> {
  await api.post('leases', lease('a', HELD, { labels: { role: 'lock' } }));
  await api.post('leases', lease('b'));
}

export const representationCases: readonly Case[] = [
  ...conformEach<readonly [path: string, accept: string]>(
    [
      ['represent: a Lease as Table', [201, 201, 200], ['leases/a', TABLE]],
      ['represent: a list as Table', [201, 201, 200], ['leases', TABLE]],
      [
        'represent: a Table with whole objects',
        [201, 201, 200],
        ['leases?includeObject=Object', TABLE],
      ],
      ['represent: a Table without objects', [201, 201, 200], ['leases?includeObject=None', TABLE]],
      [
        'represent: a Table of unknown objects',
        [201, 201, 400],
        ['leases?includeObject=Half', TABLE],
      ],
      ['represent: a page as Table', [201, 201, 200], ['leases?limit=1', TABLE]],
      ['represent: a missing Lease as Table', [201, 201, 404], ['leases/c', TABLE]],
      ['represent: what kubectl accepts', [201, 201, 200], ['leases', `${TABLE},application/json`]],
      ['represent: a Lease as PartialObjectMetadata', [201, 201, 200], ['leases/a', PARTIAL]],
      ['represent: a list as PartialObjectMetadataList', [201, 201, 200], ['leases', PARTIAL_LIST]],
      ['represent: a list as PartialObjectMetadata', [201, 201, 406], ['leases', PARTIAL]],
      [
        'represent: a Lease as PartialObjectMetadataList',
        [201, 201, 406],
        ['leases/a', PARTIAL_LIST],
      ],
      [
        'represent: as an unknown kind',
        [201, 201, 406],
        ['leases', 'application/json;as=Chair;v=v1;g=meta.k8s.io'],
      ],
      [
        'represent: as an unknown kind, or plainly',
        [201, 201, 200],
        ['leases/a', 'application/json;as=Chair;v=v1;g=meta.k8s.io,application/json'],
      ],
      ['represent: as HTML', [201, 201, 406], ['leases/a', 'text/html']],
      ['represent: as anything', [201, 201, 200], ['leases/a', '*/*']],
      ['represent: as any application', [201, 201, 406], ['leases/a', 'application/*']],
      [
        'represent: as a browser asks',
        [201, 201, 200],
        ['leases/a', 'text/html,application/xhtml+xml,*/*;q=0.8'],
      ],
    ],
    async (api, [path, accept]) => {
      await two(api);
      await api.get(path, { headers: { accept } });
    },
  ),
  conform('represent: a created Lease as Table', [201], async (api) => {
    await api.post('leases', lease('a', HELD), { headers: { accept: TABLE } });
  }),
  conform('represent: a patched Lease as PartialObjectMetadata', [201, 201, 200], async (api) => {
    await two(api);
    const patch = { metadata: { annotations: { a: 'b' } } };
    await api.mergePatch('leases/a', patch, { headers: { accept: PARTIAL } });
  }),
  conform('represent: an empty list as Table', [200, 200], async (api) => {
    await api.get('leases', { headers: { accept: TABLE } });
    await api.get('configmaps', { headers: { accept: `${TABLE},application/json` } });
  }),
];
