/**
 * Loaded before an example that runs from a clone: `leasehold` is the source next to it, as nothing is
 * installed or built here. An application needs nothing like it.
 */
import { registerHooks } from 'node:module';

const SOURCE = new URL('../../src/index.ts', import.meta.url).href;

registerHooks({
  resolve: (specifier, context, nextResolve) =>
    nextResolve(specifier === 'leasehold' ? SOURCE : specifier, context),
});
