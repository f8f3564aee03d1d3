import fc from 'fast-check';

/** What becomes of a text on its way. `at` is a place in it: 0 is its beginning, 1 its end. */
export type Mangling =
  | { readonly how: 'replace'; readonly at: number; readonly by: unknown }
  | { readonly how: 'remove' | 'rename' | 'wrap' | 'truncate' | 'repeat'; readonly at: number }
  | { readonly how: 'flip'; readonly at: number; readonly bits: number }
  | { readonly how: 'instead'; readonly text: string };

const at = fc.double({ min: 0, max: 1, noNaN: true });

/** What no field of a Lease may be, and what some may be that others may not. */
const odd = fc.constantFrom<unknown>(
  null,
  true,
  0,
  -1,
  1.5,
  1e300,
  '',
  'x',
  '-1',
  [],
  [null],
  ['x'],
  {},
  { x: null },
  '2026-01-01T00:00:00Z',
  'never',
  '99999999999999999999999999',
  'v=1 session=x uid=y ttl=2 mode=exclusive',
  '\u0000\ud800',
);

const PAGES = [
  '',
  ' ',
  '\ufeff{}',
  '{}',
  '[]',
  'null',
  '"text"',
  '0',
  '<html><body><h1>502 Bad Gateway</h1></body></html>',
  '{"kind":"Status","status":"Success"}',
  '{"kind":"Status","status":"Failure","code":409,"reason":"Conflict","message":5,"details":[]}',
  '{"kind":"Status","details":{"causes":[null,5,{"field":{}}]}}',
  '{"kind":"Lease","metadata":{}}',
  '{"kind":"LeaseList","metadata":{"resourceVersion":"1"},"items":[null]}',
  '{"type":"ERROR","object":null}',
  '{"type":"ERROR","object":{"code":"410","message":{}}}',
  '{"type":"ADDED","object":{"metadata":null}}',
  '{"type":"MODIFIED","object":{"metadata":{"resourceVersion":5}}}',
  '{"type":"BOOKMARK","object":{"metadata":{}}}',
  '{"type":"BOOKMARK","object":{"metadata":{"resourceVersion":"x"}}}',
] as const;

export const mangling: fc.Arbitrary<Mangling> = fc.oneof(
  fc.record({ how: fc.constant('replace' as const), at, by: odd }),
  fc.record({ how: fc.constantFrom('remove', 'rename', 'wrap', 'truncate', 'repeat'), at }),
  fc.record({ how: fc.constant('flip' as const), at, bits: fc.integer({ min: 1, max: 255 }) }),
  fc.constantFrom(...PAGES).map((text) => ({ how: 'instead' as const, text })),
);

export function mangle(bytes: Buffer, how: Mangling): Buffer {
  switch (how.how) {
    case 'instead':
      return Buffer.from(how.text);
    case 'truncate':
      return bytes.subarray(0, Math.floor(how.at * bytes.length));
    case 'repeat':
      return Buffer.concat([bytes, bytes.subarray(Math.floor(how.at * bytes.length))]);
    case 'flip': {
      const flipped = Buffer.from(bytes);
      const index = Math.min(flipped.length - 1, Math.floor(how.at * flipped.length));
      if (index >= 0) flipped[index] = (flipped[index] ?? 0) ^ how.bits;
      return flipped;
    }
    default:
      return mangleJson(bytes, how.at, how.how === 'replace' ? { by: how.by } : how.how);
  }
}

interface Spot {
  readonly parent: Record<string, unknown>;
  readonly key: string;
}

/** Changes one value, wherever it is. */
function mangleJson(
  bytes: Buffer,
  at: number,
  how: { readonly by: unknown } | 'remove' | 'rename' | 'wrap',
): Buffer {
  const root = { value: parse(bytes) };
  const spots = [...spotsIn(root)];
  const spot = spots[Math.min(spots.length - 1, Math.floor(at * spots.length))];
  if (!spot) return bytes;
  const { parent, key } = spot;
  const value = parent[key];
  if (typeof how === 'object') parent[key] = how.by;
  else if (how === 'wrap') parent[key] = [value];
  else {
    Reflect.deleteProperty(parent, key);
    if (how === 'rename') parent[`${key}x`] = value;
  }
  return Buffer.from(root.value === undefined ? '' : JSON.stringify(root.value));
}

function* spotsIn(parent: Record<string, unknown>): Generator<Spot> {
  for (const [key, value] of Object.entries(parent)) {
    yield { parent, key };
    if (typeof value === 'object' && value !== null) {
      yield* spotsIn(value as Record<string, unknown>);
    }
  }
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
