import type { Lease, ManagedFields } from '../../../src/core/lease.ts';

type Group = 'spec' | 'labels' | 'annotations';

/** Who last changed each field, and when: `metadata.managedFields`, by the server's clock. */
export class FieldOwners {
  readonly #owners = new Map<string, string>();
  readonly #times = new Map<string, string>();

  /** As a Lease that was stored says it. */
  static of(lease: Lease): FieldOwners {
    const owners = new FieldOwners();
    for (const { manager = '', time = '', fieldsV1 = {} } of lease.metadata.managedFields ?? []) {
      owners.#times.set(manager, time);
      for (const [group, fields] of Object.entries(fieldsV1)) {
        for (const field of Object.keys(fields as object)) {
          owners.#owners.set(`${group.slice(2)}:${field.slice(2)}`, manager);
        }
      }
    }
    return owners;
  }

  wrote(before: Lease | undefined, after: Lease, by: string, wall: number): void {
    this.#compare('spec', before?.spec, after.spec, by);
    this.#compare('labels', before?.metadata.labels, after.metadata.labels, by);
    this.#compare('annotations', before?.metadata.annotations, after.metadata.annotations, by);
    this.#times.set(by, `${new Date(wall).toISOString().slice(0, 19)}Z`);
  }

  list(): ManagedFields[] {
    const managers = new Map<string, Record<string, Record<string, unknown>>>();
    for (const [path, manager] of this.#owners) {
      const colon = path.indexOf(':');
      let groups = managers.get(manager);
      if (!groups) managers.set(manager, (groups = {}));
      const fields = (groups[`f:${path.slice(0, colon)}`] ??= {});
      fields[`f:${path.slice(colon + 1)}`] = {};
    }
    return [...managers].map(([manager, fieldsV1]) => ({
      manager,
      operation: 'Update',
      time: this.#times.get(manager) ?? '',
      fieldsV1,
    }));
  }

  #compare(group: Group, before: object = {}, after: object = {}, by: string): void {
    const old = before as Record<string, unknown>;
    const next = after as Record<string, unknown>;
    for (const key in old) {
      if (next[key] === undefined || next[key] === null) this.#owners.delete(`${group}:${key}`);
    }
    for (const key in next) {
      const value = next[key];
      if (value === undefined || value === null || value === old[key]) continue;
      this.#owners.set(`${group}:${key}`, by);
    }
  }
}
