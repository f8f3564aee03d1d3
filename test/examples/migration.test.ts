import { expect, test } from 'vitest';
import { isInstalled, played } from './playing.ts';

test.skipIf(!isInstalled('postgresql'))(
  'one replica migrates, and another one goes on when it dies',
  async () => {
    const output = await played('migration');
    expect(output).toMatch(/^replica-1 {2}IS KILLED in the middle$/m);
    const migrating = [...output.matchAll(/^(replica-\d) {2}version (\d): /gm)];
    const versions = (name: string | undefined): string[] => {
      return migrating.filter(([, who]) => who === name).map(([, , version = '']) => version);
    };
    expect(versions('replica-1')).toEqual(['0', '1', '2']);
    const [next, ...others] = new Set(
      migrating.map(([, who]) => who).filter((who) => who !== 'replica-1'),
    );
    expect(others).toEqual([]);
    expect([...new Set(versions(next))]).toEqual(['2', '3']);
    expect(output).toMatch(/^1000 customers have a key, which was filled in 1000 times$/m);
    expect(output).toMatch(/^replica-5 has asked nobody for a lock$/m);
  },
);
