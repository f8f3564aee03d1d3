import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign, mostPerMember } from '../../src/shards/assign.ts';

const idOf = (number: number): string =>
  `${((number * 0x9e37_79b1) >>> 0).toString(16).padStart(8, '0')}-1`;
const membersOf = (count: number, from = 1): string[] =>
  Array.from({ length: count }, (_, index) => idOf(from + index));

const members = fc.uniqueArray(
  fc
    .tuple(fc.nat(0xffff_ffff), fc.integer({ min: 1, max: 9 }))
    .map(([suffix, counter]) => `${suffix.toString(16).padStart(8, '0')}-${String(counter)}`),
  { minLength: 1, maxLength: 30 },
);
const shards = fc.integer({ min: 1, max: 400 });

/** How many shards each has. */
function loadsOf(owners: readonly string[]): Map<string, number> {
  const loads = new Map<string, number>();
  for (const owner of owners) loads.set(owner, (loads.get(owner) ?? 0) + 1);
  return loads;
}

/** How many shards went to others, though those who had them stayed and the newcomer has them not. */
function movedAmong(
  staying: readonly string[],
  before: readonly string[],
  after: readonly string[],
) {
  return before.filter(
    (owner, shard) =>
      owner !== after[shard] && staying.includes(owner) && staying.includes(after[shard] ?? ''),
  ).length;
}

describe('the assignment of shards', () => {
  it('gives each shard to one of the members, whatever order they are named in', () => {
    fc.assert(
      fc.property(members, shards, fc.nat(), (ids, count, seed) => {
        const owners = assign(ids, count);
        expect(owners).toHaveLength(count);
        expect(owners.every((owner) => ids.includes(owner))).toBe(true);
        const turned = [...ids.slice(seed % ids.length), ...ids.slice(0, seed % ids.length)];
        expect(assign(turned.reverse(), count)).toEqual(owners);
      }),
    );
  });

  it('gives nobody more than 1.2 times the mean, or than one more than the mean', () => {
    fc.assert(
      fc.property(members, shards, (ids, count) => {
        const most = Math.max(...loadsOf(assign(ids, count)).values());
        const mean = count / ids.length;
        expect(most).toBeLessThanOrEqual(mostPerMember(ids.length, count));
        expect(most).toBeLessThanOrEqual(Math.max(Math.ceil(mean), 1.2 * mean));
      }),
    );
  });

  it('gives nothing where nobody is', () => {
    expect(assign([], 3)).toEqual([]);
  });

  it('is the same in every version, as members of several run side by side', () => {
    const owners = assign(['1f9a3c21-1', 'c01dbe77-4', '0000ffff-2'], 12);
    expect(owners.map((id) => id.slice(0, 1)).join('')).toBe('00ccc111010c');
  });

  it('moves the shards of whoever leaves, and hardly any other', () => {
    let others = 0;
    let most = 0;
    for (let round = 0; round < 40; round += 1) {
      const ids = membersOf(20, 1 + round * 20);
      const before = assign(ids, 1_000);
      const staying = ids.filter((_, index) => index !== round % 20);
      const moved = movedAmong(staying, before, assign(staying, 1_000));
      others += moved;
      most = Math.max(most, moved);
    }
    // Of 1,000 shards on 20 members; in four of five departures it is none at all.
    expect(others / 40).toBeLessThan(1);
    expect(most).toBeLessThanOrEqual(5);
  });

  it('moves to whoever joins its share, and hardly any among the others', () => {
    for (let round = 0; round < 20; round += 1) {
      const ids = membersOf(21, 1 + round * 21);
      const before = assign(ids.slice(1), 1_000);
      const after = assign(ids, 1_000);
      const taken = after.filter((owner) => owner === ids[0]).length;
      expect(taken).toBeLessThanOrEqual(1.2 * (1_000 / 21));
      expect(taken).toBeGreaterThan(0.6 * (1_000 / 21));
      expect(movedAmong(ids.slice(1), before, after)).toBeLessThanOrEqual(5);
    }
  });

  it('is exact for whoever has room: nobody below the bound gets or loses by the departure of others', () => {
    fc.assert(
      fc.property(members, shards, (ids, count) => {
        const [leaver] = ids;
        const staying = ids.slice(1);
        fc.pre(staying.length > 0);
        const loads = loadsOf(assign(ids, count));
        const before = assign(ids, count);
        const after = assign(staying, count);
        const full = (owners: Map<string, number>, size: number): boolean =>
          [...owners.values()].some((load) => load >= mostPerMember(size, count));
        fc.pre(!full(loads, ids.length) && !full(loadsOf(after), staying.length));
        for (const [shard, owner] of before.entries()) {
          if (owner !== leaver) expect(after[shard]).toBe(owner);
        }
      }),
    );
  });
});
