import { expect, it } from 'vitest';
import { protobufToJson } from '../../src/testing/api-server/protobuf.ts';

/** A field: a number is written as a varint, anything else with its length before it. */
function field(number: number, value: number | string | Buffer): Buffer {
  if (typeof value === 'number') {
    return Buffer.concat([varint(number << 3), varint(value)]);
  }
  const bytes = Buffer.from(value);
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}

function message(...fields: readonly Buffer[]): Buffer {
  return Buffer.concat(fields);
}

function envelope(apiVersion: string, kind: string, object: Buffer): Buffer {
  const type = message(field(1, apiVersion), field(2, kind));
  return message(Buffer.from('k8s\0'), field(1, type), field(2, object));
}

it('reads a Lease: texts, numbers, maps and times', () => {
  const entry = message(field(1, 'note'), field(2, 'ä'));
  const time = message(field(1, 1_767_225_600), field(2, 123_456_000));
  const lease = message(
    field(1, message(field(1, 'a'), field(12, entry), field(8, Buffer.alloc(0)))),
    field(2, message(field(1, 'holder'), field(2, 300), field(4, time), field(5, 0))),
  );
  expect(JSON.parse(protobufToJson(envelope('coordination.k8s.io/v1', 'Lease', lease)))).toEqual({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'a', annotations: { note: 'ä' }, creationTimestamp: null },
    spec: {
      holderIdentity: 'holder',
      leaseDurationSeconds: 300,
      renewTime: '2026-01-01T00:00:00.123456Z',
      leaseTransitions: 0,
    },
  });
});

it('reads a Pod: lists, and structs that are embedded in another', () => {
  const volume = message(field(1, 'cache'), field(2, message(field(2, field(1, 'Memory')))));
  const port = message(field(2, 0), field(3, 80));
  const container = message(field(1, 'main'), field(6, port), field(2, 'image'));
  const pod = message(
    field(1, field(1, 'p')),
    field(2, message(field(1, volume), field(2, container), field(2, container))),
  );
  const read = { name: 'main', image: 'image', ports: [{ containerPort: 80 }] };
  expect(JSON.parse(protobufToJson(envelope('v1', 'Pod', pod)))).toMatchObject({
    metadata: { name: 'p' },
    spec: {
      volumes: [{ name: 'cache', emptyDir: { medium: 'Memory' } }],
      containers: [read, read],
    },
  });
});

it('refuses what it does not know, and what ends too early', () => {
  const unknown = envelope('apps/v1', 'Deployment', Buffer.alloc(0));
  expect(() => protobufToJson(unknown)).toThrow('no kind "Deployment" is registered');
  expect(() => protobufToJson(Buffer.from('k8s\0\x0a'))).toThrow('ends too early');
  expect(() => protobufToJson(Buffer.from('{}'))).toThrow('no protobuf');
});
