import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parser } from '@prometheus-io/lezer-promql';
import { load } from 'js-yaml';
import { beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/client/system-clock.ts';
import { Metrics } from '../../src/operator/metrics.ts';
import { Operator } from '../../src/operator/operator.ts';

const root = join(import.meta.dirname, '../..');

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number };
  readonly targets?: readonly { readonly expr: string }[];
}

interface Dashboard {
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: string | { query: string } }[];
  };
  readonly panels: readonly Panel[];
}

let alerts: readonly Alert[];
let dashboard: Dashboard;
let operations: string;
/** All names that the operator's /metrics can have. */
let told: ReadonlySet<string>;

beforeAll(async () => {
  const files = join(root, 'charts/leasehold/files');
  alerts = load(await readFile(join(files, 'alerts.yaml'), 'utf8')) as Alert[];
  dashboard = JSON.parse(await readFile(join(files, 'dashboard.json'), 'utf8')) as Dashboard;
  operations = await readFile(join(root, 'docs/operations.md'), 'utf8');
  told = namesIn(await metricsText());
});

/** What an operator tells that never started. */
function metricsText(): Promise<string> {
  const clock = systemClock();
  const unexpected = (): never => {
    throw new Error('an operator that has not started sends nothing');
  };
  const requests = { request: unexpected, openWatch: unexpected, close: unexpected };
  const metrics = new Metrics(clock);
  const report = (): void => undefined;
  metrics.observe(
    new Operator({
      requests,
      clock,
      random: Math.random,
      report,
      namespaces: undefined,
      stuckAfter: 20,
    }),
  );
  return metrics.text();
}

/** A histogram has three. */
function namesIn(text: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [, name = '', type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    if (type !== 'histogram') names.add(name);
    else for (const part of ['bucket', 'sum', 'count']) names.add(`${name}_${part}`);
  }
  return names;
}

interface Query {
  readonly metrics: readonly string[];
  readonly errors: readonly string[];
}

/** What a query of PromQL asks for, and where it cannot be read. */
function parse(expression: string): Query {
  const metrics: string[] = [];
  const errors: string[] = [];
  parser.parse(expression).iterate({
    enter: ({ name, type, from, to, node }) => {
      if (type.isError) errors.push(`at ${String(from)} of ${expression}`);
      if (name === 'Identifier' && node.parent?.name === 'VectorSelector') {
        metrics.push(expression.slice(from, to));
      }
    },
  });
  return { metrics, errors };
}

function checkQuery(expression: string): void {
  const { metrics, errors } = parse(expression);
  expect(errors).toEqual([]);
  expect(metrics).not.toEqual([]);
  expect(metrics.filter((metric) => !told.has(metric))).toEqual([]);
}

/** As Grafana replaces it. */
function withInterval(expression: string): string {
  return expression.replaceAll('$__rate_interval', '5m');
}

describe('the alert rules', () => {
  test('ask for metrics that the operator has', () => {
    expect(alerts.length).toBeGreaterThan(0);
    for (const { expr } of alerts) checkQuery(expr);
  });

  test('say what is wrong, how bad it is, and what to do under a heading of their name', () => {
    const headings = [...operations.matchAll(/^### (Leasehold\S+)$/gm)].map(([, name]) => name);
    expect(headings).toEqual(alerts.map(({ alert }) => alert));
    for (const { labels, annotations, for: duration } of alerts) {
      expect(['critical', 'warning', 'info']).toContain(labels.severity);
      expect(annotations.summary).not.toBe('');
      expect(annotations.description).not.toBe('');
      expect(duration).toMatch(/^\d+m$/);
    }
  });

  test('a query that cannot be read, or of a metric that is not there, is found', () => {
    expect(parse('sum by (job (up)').errors).not.toEqual([]);
    expect(parse('rate(leasehold_unknown[5m]) > on (pod) up').metrics).toEqual([
      'leasehold_unknown',
      'up',
    ]);
    expect(told.has('leasehold_unknown')).toBe(false);
  });
});

describe('the dashboard', () => {
  test('asks for metrics that the operator has', () => {
    const queries = dashboard.panels.flatMap(({ targets }) => targets ?? []);
    expect(queries.length).toBeGreaterThan(0);
    for (const { expr } of queries) checkQuery(withInterval(expr));
  });

  test('uses the variables that it has', () => {
    const { list } = dashboard.templating;
    const names = list.map(({ name }) => name);
    const text = JSON.stringify(dashboard.panels).replaceAll('$__rate_interval', '');
    const used = new Set([...text.matchAll(/\$\{?(\w+)/g)].map(([, name]) => name));
    expect([...used].sort()).toEqual([...names].sort());
    for (const { query } of list) {
      const text = typeof query === 'string' ? query : query.query;
      const [, metric] = /^label_values\((\w+), \w+\)$/.exec(text) ?? [];
      if (metric !== undefined) expect(told.has(metric)).toBe(true);
    }
  });

  test('its panels have ids of their own and fit the grid', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const { gridPos } of dashboard.panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    }
  });
});
