/** The labels by which the API server counts its requests. */
export interface RequestLabels {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly code: string;
}

/** Requests as counted by the API server, by labels. */
export class RequestCounts {
  readonly #counts: ReadonlyMap<string, number>;

  private constructor(counts: ReadonlyMap<string, number>) {
    this.#counts = counts;
  }

  /** Reads the counters out of the text of /metrics. */
  static parse(metrics: string): RequestCounts {
    const counts = new Map<string, number>();
    for (const [, labelText = '', value] of metrics.matchAll(counterLine)) {
      const labels = new Map<string, string>();
      for (const [, name = '', text = ''] of labelText.matchAll(/(\w+)="([^"]*)"/g)) {
        labels.set(name, text);
      }
      const key = JSON.stringify(labelNames.map((name) => labels.get(name) ?? ''));
      counts.set(key, (counts.get(key) ?? 0) + Number(value));
    }
    return new RequestCounts(counts);
  }

  /** What was added since `earlier`. */
  since(earlier: RequestCounts): RequestCounts {
    const counts = new Map<string, number>();
    for (const [key, count] of this.#counts) {
      const added = count - (earlier.#counts.get(key) ?? 0);
      if (added !== 0) {
        counts.set(key, added);
      }
    }
    return new RequestCounts(counts);
  }

  /** The number of requests whose labels have all the given values. */
  total(filter: Partial<RequestLabels> = {}): number {
    return this.entries()
      .filter((entry) =>
        labelNames.every((name) => filter[name] === undefined || entry[name] === filter[name]),
      )
      .reduce((sum, entry) => sum + entry.count, 0);
  }

  entries(): (RequestLabels & { readonly count: number })[] {
    return [...this.#counts].map(([key, count]) => {
      const [verb = '', group = '', resource = '', subresource = '', code = ''] = JSON.parse(
        key,
      ) as string[];
      return { verb, group, resource, subresource, code, count };
    });
  }
}

const labelNames = ['verb', 'group', 'resource', 'subresource', 'code'] as const;
const counterLine = /^apiserver_request_total\{([^}]*)\} (\S+)$/gm;
