import { beforeAll, describe, expect, test } from 'vitest';
import type { Lease } from '../../src/core/lease.ts';
import { until } from '../real/world.ts';
import { guarded, thief, useCast, victim } from './cast.ts';
import {
  attempt,
  company,
  end,
  holderKey,
  holding,
  letIn,
  passed,
  patch,
  put,
  queueKey,
  untilAsked,
} from './company.ts';
import type { Attempt } from './company.ts';
import type { Answer, Pod } from './guarded.ts';
import { heldSpec, lock, refusal } from './leases.ts';

/** Who holds beside whom: readers, and permits of a semaphore. */

useCast();

const permits = (weight: number, of: number): string =>
  `permit weight=${String(weight)} of=${String(of)}`;

/** The third in the game: a waiter before the thief, or another that holds. */
let other: Pod;
beforeAll(async () => {
  other = await guarded.pod('other');
});

async function expectRefused(before: Lease, answer: Answer, rule: string): Promise<void> {
  expect(refusal(answer)).toBe(rule);
  expect(await guarded.read(before.metadata.name)).toEqual(before);
}

/** Sets what only the verb `steal` sets, as the administrator. */
async function resized(locked: Lease, text: string): Promise<Lease> {
  const { cluster, namespace } = guarded;
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${locked.metadata.name}`;
  const body = { metadata: { annotations: { 'leasehold.dev/permits': text } } };
  const contentType = 'application/merge-patch+json';
  return cluster.client.expect<Lease>('PATCH', path, body, { contentType });
}

describe('who has not waited enters', () => {
  test('as a reader beside readers', async () => {
    const [first, second] = [await attempt(victim, 'shared'), await attempt(thief, 'shared')];
    const locked = await company([first, second]);
    const holders = Object.keys(locked.metadata.annotations ?? {});
    expect(holders.sort()).toEqual([holderKey(first), holderKey(second)].sort());
  });

  test('with permits that are left, several times', async () => {
    const all = await Promise.all([2, 1, 1].map((weight) => attempt(thief, permits(weight, 5))));
    const mine = await attempt(victim, permits(1, 5));
    const locked = await company([mine, ...all]);
    expect(Object.keys(locked.metadata.annotations ?? {})).toHaveLength(4);
  });

  const beside: Record<string, readonly [rule: string, held: string, wanted: string]> = {
    'alone beside a reader': ['exclusive', 'shared', 'exclusive'],
    'as a reader beside a writer': ['exclusive', 'exclusive', 'shared'],
    'alone beside a writer': ['exclusive', 'exclusive', 'exclusive'],
    'as a reader beside permits': ['exclusive', permits(1, 3), 'shared'],
    'with a permit beside a reader': ['exclusive', 'shared', permits(1, 3)],
    'with a permit beside a writer': ['exclusive', 'exclusive', permits(1, 3)],
    'alone beside permits': ['exclusive', permits(1, 3), 'exclusive'],
    'with a permit of another number': ['exclusive', permits(1, 3), permits(1, 300)],
    'with more permits than are left': ['permits', permits(2, 3), permits(2, 3)],
    'with more permits than there are': ['entry', permits(1, 3), permits(4, 3)],
    'with no permit': ['entry', permits(3, 3), permits(0, 3)],
    'with less than no permit': ['entry', permits(3, 3), permits(-5, 3)],
    'with permits that are no number': ['entry', permits(3, 3), 'permit weight=1e0 of=3'],
    'with a number that overflows': [
      'entry',
      permits(3, 3),
      'permit weight=18446744073709551615 of=3',
    ],
    'without saying how many': ['entry', permits(3, 3), 'permit of=3'],
    'without saying of how many': ['entry', permits(3, 3), 'permit weight=1'],
    'saying how many twice': ['entry', permits(3, 3), 'permit weight=1 weight=9 of=3'],
    'saying of how many twice': ['entry', permits(3, 3), 'permit weight=1 of=3 of=300'],
    'in two modes': ['entry', 'shared', 'shared mode=exclusive'],
    'in the same mode twice': ['entry', 'shared', 'shared mode=shared'],
    'in a mode that nobody knows': ['entry', 'shared', 'intent'],
    'without a mode': ['entry', 'shared', ''],
    'in a mode that is one of two': ['entry', 'shared', 'shared,exclusive'],
    'with a field that is in it twice': ['entry', 'shared', 'shared x=1 x=2'],
    'with a field that has no value': ['entry', 'shared', 'shared x'],
    'with a ttl after the first': ['entry', 'shared', 'shared ttl=999'],
    'with a second session': ['entry', 'shared', 'shared session=none'],
  };
  for (const [name, [rule, held, wanted]] of Object.entries(beside)) {
    test(`and is refused ${name}`, async () => {
      const [one, two] = [await attempt(victim, held), await attempt(thief, wanted)];
      const locked = await company([one]);
      await expectRefused(locked, await put(thief, locked, letIn(locked, two)), rule);
      // Nor does it wait as what nobody could grant.
      if (rule !== 'entry') return;
      const joined = await patch(thief, locked, { [queueKey(two)]: two.text });
      await expectRefused(locked, joined, 'entry');
    });
  }

  test('and is refused with what a newer version would write', async () => {
    const [one, two] = [await attempt(victim, 'shared'), await attempt(thief, 'shared')];
    const locked = await company([one]);
    const newer = { ...two, text: two.text.replace('v=1', 'v=2') };
    await expectRefused(locked, await put(thief, locked, letIn(locked, newer)), 'entry');
  });

  test('and is refused with a ttl that outlasts every session', async () => {
    const [one, two] = [await attempt(victim, 'shared'), await attempt(thief, 'shared')];
    const locked = await company([one]);
    for (const ttl of ['3601', '2147483647', '0', '-1', '15s']) {
      const lasting = { ...two, text: two.text.replace('ttl=15', `ttl=${ttl}`) };
      await expectRefused(locked, await put(thief, locked, letIn(locked, lasting)), 'entry');
    }
  });

  test('and is refused under a name that no client reads', async () => {
    const [one, two] = [await attempt(victim, 'shared'), await attempt(thief, 'shared')];
    const locked = await company([one]);
    const unread = { ...two, id: 'Thief' };
    await expectRefused(locked, await put(thief, locked, letIn(locked, unread)), 'entry');
  });

  test('and is refused past a writer that waits', async () => {
    const [reader, writer, late] = [
      await attempt(victim, 'shared'),
      await attempt(other, 'exclusive'),
      await attempt(thief, 'shared'),
    ];
    const locked = await company([reader], [writer]);
    await expectRefused(locked, await put(thief, locked, letIn(locked, late)), 'grant');
  });

  test('and is refused past a writer that it takes out of the queue for that', async () => {
    const [reader, writer, late] = [
      await attempt(victim, 'shared'),
      await attempt(other, 'exclusive'),
      await attempt(thief, 'shared'),
    ];
    const locked = await company([reader], [writer]);
    const change = { ...letIn(locked, late), [queueKey(writer)]: null };
    await untilAsked(thief, locked, change);
    await expectRefused(locked, await put(thief, locked, change), 'settle');
    // A reader of its own that holds already makes no difference.
    const again = await attempt(thief, 'shared');
    const both = await company([reader, late], [writer]);
    const second = { ...letIn(both, again), [queueKey(writer)]: null };
    await expectRefused(both, await put(thief, both, second), 'settle');
  });

  test('and is refused in the name of another, or together with one', async () => {
    const [reader, own, others] = [
      await attempt(victim, 'shared'),
      await attempt(thief, 'shared'),
      await attempt(other, 'shared'),
    ];
    const locked = await company([reader]);
    await expectRefused(locked, await put(thief, locked, letIn(locked, others)), 'grant');
    await expectRefused(locked, await put(thief, locked, letIn(locked, own, others)), 'grant');
  });

  test('and is refused with a token that shuts out later holders, or with none', async () => {
    const [reader, late] = [await attempt(victim, 'shared'), await attempt(thief, 'shared')];
    const locked = await company([reader]);
    const text = holding(late, locked);
    for (const fence of [' fence=99999999', '', ' fence=1 fence=2']) {
      const change = { [holderKey(late)]: text.replace(/ fence=[0-9]+/, fence) };
      const rule = fence.split('=').length > 2 ? 'entry' : 'fence';
      await expectRefused(locked, await put(thief, locked, change), rule);
    }
  });

  test('and is refused together with any change of another holder', async () => {
    const [reader, late] = [await attempt(victim, 'shared'), await attempt(thief, 'shared')];
    const locked = await company([reader]);
    const key = holderKey(reader);
    const text = locked.metadata.annotations?.[key] ?? '';
    const changes: Record<string, string> = {
      holder: text.replace('mode=shared', 'mode=exclusive'),
      fence: `${text} fence=99999999`,
    };
    for (const [rule, changed] of Object.entries(changes)) {
      const change = { ...letIn(locked, late), [key]: changed };
      await expectRefused(locked, await put(thief, locked, change), rule);
    }
    const stamped = { [key]: `${text} fence=${locked.metadata.resourceVersion ?? ''}` };
    passed(await put(thief, locked, { ...letIn(locked, late), ...stamped }));
  });

  test('and is refused under the name of a session that holds nothing', async () => {
    const [reader, late] = [await attempt(victim, 'shared'), await attempt(thief, 'shared')];
    const locked = await company([reader]);
    for (const holderIdentity of ['', 'somebody +1']) {
      const answer = await put(thief, locked, letIn(locked, late), { holderIdentity });
      await expectRefused(locked, answer, 'spec');
    }
  });

  test('until 32 are of one principal', async () => {
    const readers = await Promise.all(Array.from({ length: 33 }, () => attempt(thief, 'shared')));
    const [first, ...rest] = readers;
    if (!first) throw new Error('nobody');
    const last = rest.pop();
    const locked = await company([first, ...rest]);
    if (last) await expectRefused(locked, await put(thief, locked, letIn(locked, last)), 'full');
  });
});

describe('a creator', () => {
  test.each([
    ['in two modes', 'shared mode=exclusive'],
    ['in a mode that nobody knows', 'intent'],
    ['with more permits than there are', permits(2, 1)],
  ])('does not hold %s', async (_, mode) => {
    const { text } = await attempt(thief, mode);
    const annotations = { 'holder.leasehold.dev/a-1': text };
    expect(refusal(await thief.send('POST', '', lock(annotations)))).toBe('entry');
  });

  test('gives itself no fencing token, and the semaphore no number', async () => {
    const { text } = await attempt(thief, permits(1, 3));
    for (const annotations of [
      { 'holder.leasehold.dev/a-1': `${text} fence=99999999` },
      { 'holder.leasehold.dev/a-1': text, 'leasehold.dev/permits': 'limit=300 stated=3' },
    ]) {
      expect(refusal(await thief.send('POST', '', lock(annotations)))).toBe('principal');
    }
  });
});

describe('a grant beside those who hold', () => {
  test('is made by a waiter, to all in front that may hold', async () => {
    const [reader, writer, one, two] = [
      await attempt(victim, 'shared'),
      await attempt(other, 'exclusive', 1),
      await attempt(thief, 'shared', 2),
      await attempt(other, 'shared', 3),
    ];
    const locked = await company([reader], [writer, one, two]);
    // The writer gives up.
    const left = passed(await patch(other, locked, { [queueKey(writer)]: null }));
    const settled = passed(await put(thief, left, letIn(left, one, two)));
    expect(Object.keys(settled.metadata.annotations ?? {})).toHaveLength(3);
  });

  test('is refused past whoever waits before', async () => {
    const [reader, writer, late] = [
      await attempt(victim, 'shared'),
      await attempt(other, 'exclusive', 1),
      await attempt(thief, 'shared', 2),
    ];
    const locked = await company([reader], [writer, late]);
    await expectRefused(locked, await put(thief, locked, letIn(locked, late)), 'order');
    const change = { ...letIn(locked, late), [queueKey(writer)]: null };
    await untilAsked(thief, locked, change);
    await expectRefused(locked, await put(thief, locked, change), 'settle');
  });

  test('is refused to one that may not hold, by a waiter and by a holder', async () => {
    const [reader, writer] = [await attempt(victim, 'shared'), await attempt(thief, 'exclusive')];
    const locked = await company([reader], [writer]);
    for (const by of [thief, victim]) {
      await expectRefused(locked, await put(by, locked, letIn(locked, writer)), 'exclusive');
    }
  });

  test('is refused past the number of permits', async () => {
    const [held, waits] = [
      await attempt(victim, permits(2, 3)),
      await attempt(thief, permits(2, 3)),
    ];
    const locked = await company([held], [waits]);
    await expectRefused(locked, await put(thief, locked, letIn(locked, waits)), 'permits');
  });

  test.each([
    ['in another mode', (text: string) => text.replace('mode=exclusive', 'mode=shared')],
    ['with another weight beside its own', (text: string) => `${text} weight=1`],
  ])('is refused %s', async (_, changed) => {
    const [reader, waits] = [await attempt(victim, 'shared'), await attempt(thief, 'exclusive')];
    const locked = await company([reader], [waits]);
    const change = {
      [queueKey(waits)]: null,
      [holderKey(waits)]: changed(holding(waits, locked)),
    };
    expect(['grant', 'exclusive']).toContain(refusal(await put(thief, locked, change)));
    expect(await guarded.read(locked.metadata.name)).toEqual(locked);
  });
});

describe('who waits', () => {
  test('is not made another by a holder, nor by one that enters', async () => {
    const [own, waits] = [await attempt(thief, 'shared'), await attempt(victim, 'shared')];
    const locked = await company([own], [waits]);
    const change = { [queueKey(waits)]: own.text };
    await expectRefused(locked, await put(thief, locked, change), 'queue');
    const late = await attempt(other, 'shared');
    const entering = { ...change, ...letIn(locked, late) };
    expect(['queue', 'principal', 'grant']).toContain(refusal(await put(other, locked, entering)));
    expect(await guarded.read(locked.metadata.name)).toEqual(locked);
  });

  test('is not taken for one that holds already by an entry of another under its name', async () => {
    const [own, waits] = [await attempt(thief, 'shared'), await attempt(victim, 'shared')];
    const locked = await company([{ ...own, id: waits.id }], [waits]);
    const change = { [queueKey(waits)]: null };
    await untilAsked(thief, locked, change);
    await expectRefused(locked, await put(thief, locked, change), 'settle');
  });
});

describe('the number of permits', () => {
  test('is changed by nobody who has not the verb steal', async () => {
    const [held, waits] = [
      await attempt(thief, permits(3, 3)),
      await attempt(thief, permits(1, 3)),
    ];
    const locked = await company([held], [waits]);
    const more = { 'leasehold.dev/permits': 'limit=300 stated=3' };
    await expectRefused(locked, await patch(thief, locked, more), 'annotations');
    await expectRefused(locked, await put(thief, locked, more), 'annotations');
    const granting = { ...letIn(locked, waits), ...more };
    await expectRefused(locked, await put(thief, locked, granting), 'permits');
    const small = await resized(locked, 'limit=3 stated=3');
    for (const text of ['limit=300 stated=3', null]) {
      const change = { 'leasehold.dev/permits': text, ...letIn(small, waits) };
      const answer = await put(thief, small, change);
      expect(['permits', 'annotations']).toContain(refusal(answer));
      expect(await guarded.read(small.metadata.name)).toEqual(small);
    }
  });

  test('holds as it was changed, up and down', async () => {
    const [held, second] = [
      await attempt(victim, permits(2, 3)),
      await attempt(thief, permits(2, 3)),
    ];
    const locked = await company([held]);
    const four = await resized(locked, 'limit=4 stated=3');
    const both = passed(await put(thief, four, letIn(four, second)));
    // What is held stays; nobody is let in beside it, and it is given back.
    const one = await resized(both, 'limit=1 stated=3');
    const third = await attempt(thief, permits(1, 3));
    await expectRefused(one, await put(thief, one, letIn(one, third)), 'permits');
    const released = passed(await put(victim, one, { [holderKey(held)]: null }));
    const again = await resized(released, 'limit=3 stated=3');
    passed(await put(thief, again, letIn(again, third)));
  });

  test('that says nothing to these programs, or cannot be read, changes nothing', async () => {
    const [held, second] = [
      await attempt(victim, permits(2, 3)),
      await attempt(thief, permits(2, 3)),
    ];
    const locked = await company([held]);
    for (const text of ['limit=300 stated=30', 'limit=1e9 stated=3', 'limit=9000000 stated=3']) {
      const other_ = await resized(locked, text);
      await expectRefused(other_, await put(thief, other_, letIn(other_, second)), 'permits');
    }
  });

  test('lets nobody in where it is 0, into a record that nobody is in either', async () => {
    const held = await attempt(thief, permits(1, 3));
    const none = await resized(await company([held]), 'limit=0 stated=3');
    const empty = passed(
      await put(thief, none, { [holderKey(held)]: null }, { holderIdentity: '' }),
    );
    const again = await attempt(thief, permits(1, 3));
    await expectRefused(empty, await put(thief, empty, letIn(empty, again)), 'permits');
    // To delete the record would be to change it.
    await expectRefused(empty, await thief.send('DELETE', empty.metadata.name), 'delete');
    const one = await resized(empty, 'limit=1 stated=3');
    passed(await put(thief, one, letIn(one, again)));
  });

  test('stays when its only holder deletes the record', async () => {
    const held = await attempt(thief, permits(1, 3));
    const changed = await resized(await company([held]), 'limit=1 stated=3');
    await expectRefused(changed, await thief.send('DELETE', changed.metadata.name), 'delete');
  });
});

describe('a writer that becomes a reader', () => {
  const asReader = (locked: Lease, { id }: Attempt): Record<string, string> => {
    const key = `holder.leasehold.dev/${id}`;
    const text = locked.metadata.annotations?.[key] ?? '';
    const fields = text.split(' ').filter((field) => !field.startsWith('mode='));
    return { [key]: [...fields, 'mode=shared'].join(' ') };
  };

  test('lets those in that wait first, in the same write', async () => {
    const [writer, one, last] = [
      await attempt(victim, 'exclusive'),
      await attempt(thief, 'shared', 1),
      await attempt(other, 'exclusive', 2),
    ];
    const locked = await company([writer], [one, last]);
    const change = { ...letIn(locked, one), ...asReader(locked, writer) };
    const fenced = `${change[holderKey(writer)] as string} fence=${locked.metadata.resourceVersion ?? ''}`;
    passed(await put(victim, locked, { ...change, [holderKey(writer)]: fenced }));
  });

  test('does so alone', async () => {
    const writer = await attempt(victim, 'exclusive');
    const locked = await company([writer]);
    passed(await put(victim, locked, asReader(locked, writer)));
  });

  test('is made so by nobody else, who would hold beside it', async () => {
    const [writer, waits] = [await attempt(victim, 'exclusive'), await attempt(thief, 'shared')];
    const locked = await company([writer], [waits]);
    const change = { ...letIn(locked, waits), ...asReader(locked, writer) };
    await expectRefused(locked, await put(thief, locked, change), 'holder');
    await expectRefused(locked, await put(thief, locked, asReader(locked, writer)), 'queue');
  });

  test('takes nothing else of its entry along', async () => {
    const writer = await attempt(victim, 'exclusive');
    const locked = await company([writer]);
    const { [holderKey(writer)]: text = '' } = asReader(locked, writer);
    for (const changed of [
      text.replace(/uid=\S+/, 'uid=none'),
      `${text} mode=exclusive`,
      `${text} x=1`,
    ]) {
      const answer = await put(victim, locked, { [holderKey(writer)]: changed });
      await expectRefused(locked, answer, 'holder');
    }
    const fenced = { [holderKey(writer)]: `${text} fence=99999999` };
    await expectRefused(locked, await put(victim, locked, fenced), 'fence');
  });

  test.each(['shared', permits(1, 3)])('is not made of one that holds as %s', async (mode) => {
    const held = await attempt(thief, mode);
    const locked = await company([held]);
    const text = locked.metadata.annotations?.[holderKey(held)] ?? '';
    for (const wanted of ['exclusive', 'shared', permits(3, 3), permits(1, 300)]) {
      const changed = text.replace(/mode=.* principal/, `mode=${wanted} principal`);
      if (changed === text) continue;
      const answer = await put(thief, locked, { [holderKey(held)]: changed });
      await expectRefused(locked, answer, 'holder');
    }
  });

  test('passes no writer that waits before a reader of its own', async () => {
    const [writer, next, own] = [
      await attempt(thief, 'exclusive'),
      await attempt(victim, 'exclusive', 1),
      await attempt(thief, 'shared', 2),
    ];
    const locked = await company([writer], [next, own]);
    const change = { ...letIn(locked, own), ...asReader(locked, writer) };
    await expectRefused(locked, await put(thief, locked, change), 'order');
  });
});

describe('one of several holders', () => {
  /** A reader that lives, the thief that reads too, and a reader who waits behind a writer. */
  async function aged(
    ...modes: readonly [string, string]
  ): Promise<{ lives: Attempt; own: Attempt; waits: Attempt; locked: Lease }> {
    const [lives, own, waits] = [
      await attempt(victim, modes[0]),
      await attempt(thief, modes[1]),
      await attempt(other, 'exclusive'),
    ];
    const locked = await company([lives, own], [waits]);
    // Too young at first; then the session is asked.
    await untilAsked(other, locked, { [holderKey(lives)]: null });
    return { lives, own, waits, locked };
  }

  test('is taken out by nobody while it lives, then by anybody, and the other stays', async () => {
    const { lives, own, waits, locked } = await aged('shared', 'shared');
    const takes = { [holderKey(lives)]: null };
    for (const by of [thief, other]) {
      await expectRefused(locked, await put(by, locked, takes), 'settle');
    }
    // Not in the write that releases the own one either, nor with the waiter granted.
    const leaves = { ...takes, [holderKey(own)]: null, ...letIn(locked, waits) };
    const answer = await put(thief, locked, leaves, {
      holderIdentity: waits.session.metadata.name,
    });
    await expectRefused(locked, answer, 'settle');
    await end(lives);
    const { name } = own.session.metadata;
    const settled = await until(
      () => put(other, locked, takes, { holderIdentity: name }),
      ({ status }) => status === 200,
    );
    expect(settled.body.metadata.annotations).toHaveProperty([holderKey(own)]);
    // Whoever waits is not let in beside the one that is left.
    const grant = letIn(settled.body, waits);
    await expectRefused(settled.body, await put(other, settled.body, grant), 'exclusive');
  });

  test('that is dead is taken out by another that releases, which grants in the same write', async () => {
    const { lives: dies, own, waits, locked } = await aged(permits(1, 2), permits(1, 2));
    await end(dies);
    const change = {
      [holderKey(dies)]: null,
      [holderKey(own)]: null,
      ...letIn(locked, waits),
    };
    const { name } = waits.session.metadata;
    await until(
      () => put(thief, locked, change, { holderIdentity: name }),
      ({ status }) => status === 200,
    );
  });

  test('is not taken out by a deletion, nor is the record of those who wait', async () => {
    const [one, two] = [await attempt(victim, 'shared'), await attempt(thief, 'shared')];
    const both = await company([one, two]);
    await expectRefused(both, await thief.send('DELETE', both.metadata.name), 'delete');
    const [own, waits] = [await attempt(thief, 'shared'), await attempt(victim, 'exclusive')];
    const awaited = await company([own], [waits]);
    await expectRefused(awaited, await thief.send('DELETE', awaited.metadata.name), 'delete');
  });

  test('is not replaced by another of the same name', async () => {
    const [one, two] = [await attempt(victim, 'shared'), await attempt(thief, 'shared')];
    const locked = await company([one, two]);
    const change = { [holderKey(one)]: holding(two, locked) };
    await expectRefused(locked, await put(thief, locked, change), 'holder');
  });
});

test('a record that was incompatible before is left by whoever wants to, and entered by nobody', async () => {
  const [one, two, three] = [
    await attempt(victim, 'exclusive'),
    await attempt(thief, 'shared'),
    await attempt(other, 'shared'),
  ];
  const { cluster, namespace } = guarded;
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  const annotations = { [holderKey(one)]: one.text, [holderKey(two)]: two.text };
  const spec = heldSpec(one.session.metadata.name);
  const wrong = await cluster.client.expect<Lease>(
    'POST',
    path,
    lock(annotations, { spec: { ...spec, leaseDurationSeconds: 2_147_483_647 } }),
  );
  await expectRefused(wrong, await put(other, wrong, letIn(wrong, three)), 'exclusive');
  passed(await put(thief, wrong, { [holderKey(two)]: null }));
});

test('a full record of readers costs no more than the guard may spend', async () => {
  const reader = await attempt(victim, 'shared');
  const readers = Array.from({ length: 60 }, (_, index) => ({
    ...reader,
    id: `r-${String(index + 1)}`,
    text: `${reader.text} x=${'y'.repeat(150)}`,
  }));
  const waiting = readers.map((one) => ({ ...one, id: `q${one.id}` }));
  const { cluster, namespace } = guarded;
  const path = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  const entries = [
    ...readers.map((one) => [holderKey(one), one.text]),
    ...waiting.map((one) => [queueKey(one), one.text]),
  ];
  const annotations = Object.fromEntries(entries) as Record<string, string>;
  const full = await cluster.client.expect<Lease>('POST', path, lock(annotations));
  passed(await put(thief, full, letIn(full, ...waiting)));
});
