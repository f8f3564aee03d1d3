import type { Case } from '../case.ts';
import { applyCases } from './apply.ts';
import { createCases } from './create.ts';
import { deleteCases } from './delete.ts';
import { jsonPatchCases } from './json-patch.ts';
import { listCases } from './list.ts';
import { mergePatchCases } from './merge-patch.ts';
import { namespaceCases } from './namespaces.ts';
import { otherCases } from './others.ts';
import { podCases } from './pods.ts';
import { protocolCases } from './protocol.ts';
import { representationCases } from './representation.ts';
import { specCases } from './spec.ts';
import { strategicPatchCases } from './strategic-patch.ts';
import { updateCases } from './update.ts';
import { initialEventCases } from './initial-events.ts';
import { watchCases } from './watch.ts';

/** All of them can run at the same time: each has a namespace of its own. */
export const cases: readonly Case[] = [
  ...createCases,
  ...specCases,
  ...updateCases,
  ...mergePatchCases,
  ...jsonPatchCases,
  ...strategicPatchCases,
  ...applyCases,
  ...deleteCases,
  ...listCases,
  ...initialEventCases,
  ...watchCases,
  ...representationCases,
  ...protocolCases,
  ...namespaceCases,
  ...podCases,
  ...otherCases,
];
