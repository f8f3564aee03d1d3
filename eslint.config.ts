import { defineConfig } from 'eslint/config';
import type { Config } from 'eslint/config';
import tseslint from 'typescript-eslint';

/**
 * Which layers a layer may import from, besides itself. Arrows point one way; an import against
 * them is an error of the linter.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  core: [],
  kube: ['core'],
  tenure: ['core', 'kube'],
  session: ['core', 'kube', 'tenure'],
  lock: ['core', 'kube', 'tenure', 'session', 'repair'],
  election: ['core', 'kube', 'tenure'],
  schedule: ['core', 'kube', 'session'],
  group: ['core', 'kube', 'session', 'lock'],
  shards: ['core', 'kube', 'lock', 'group'],
  state: ['core', 'kube'],
  counter: ['core', 'state'],
  latch: ['core', 'state'],
  barrier: ['core', 'session', 'state'],
  repair: ['core', 'kube', 'session'],
  telemetry: ['core'],
  inspect: ['core', 'kube'],
  client: [
    'core',
    'kube',
    'tenure',
    'session',
    'lock',
    'election',
    'group',
    'shards',
    'schedule',
    'state',
    'counter',
    'latch',
    'barrier',
    'telemetry',
  ],
  supervisor: ['core', 'kube', 'session', 'repair', 'client'],
  // What applications test with; loading the library never loads it.
  testing: ['core', 'kube', 'client'],
  operator: ['core', 'kube', 'session', 'client', 'repair', 'telemetry'],
  // The program stands on the public API, with what it needs to print below it.
  cli: [
    'core',
    'kube',
    'client',
    'inspect',
    'repair',
    'operator',
    'supervisor',
    'testing',
    'index',
  ],
};

const layers = Object.entries(MAY_IMPORT).map(([layer, allowed]) => {
  const others = [...Object.keys(MAY_IMPORT), 'index'].filter(
    (other) => other !== layer && !allowed.includes(other),
  );
  return {
    files: [`src/${layer}/**/*.ts`],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          patterns: [
            {
              regex: `^(\\.\\./)+(${others.join('|')})(/|\\.ts$)`,
              message: `src/${layer} may import only from: ${[layer, ...allowed].join(', ')}.`,
            },
          ],
        },
      ],
    },
  } satisfies Config;
});

export default defineConfig(
  { ignores: ['dist/', 'node_modules/', 'docs/reference/'] },
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { varsIgnorePattern: '^_', argsIgnorePattern: '^_' },
      ],
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
    },
  },
  ...layers,
);
