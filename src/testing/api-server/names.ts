const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED_PART = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

const SUBDOMAIN_PROBLEM =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_PROBLEM =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED_PROBLEM =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE_PROBLEM =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

const CONFIG_KEY_PROBLEM =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

interface NameRule {
  readonly pattern: RegExp;
  readonly most: number;
  readonly problem: string;
}

const SUBDOMAIN_RULE: NameRule = { pattern: SUBDOMAIN, most: 253, problem: SUBDOMAIN_PROBLEM };
/** By the name of the storage; any other kind's names are subdomains. */
const NAME_RULES: Readonly<Record<string, NameRule>> = {
  namespaces: { pattern: LABEL, most: 63, problem: LABEL_PROBLEM },
  services: { pattern: LABEL, most: 63, problem: LABEL_PROBLEM },
};

/** What is wrong with the name of an object; `storage` is its kind's. */
export function objectNameProblems(name: string, storage: string): string[] {
  const rule = NAME_RULES[storage] ?? SUBDOMAIN_RULE;
  if (rule.pattern === LABEL && name.includes('.')) return ['must not contain dots'];
  return nameProblems(name, rule, 'characters');
}

/** What is wrong with a key of the data of a ConfigMap. */
export function configKeyProblems(key: string): string[] {
  if (key === '.' || key === '..') return [`must not be '${key}'`];
  if (key.length > 253) return ['must be no more than 253 characters'];
  return /^[-._a-zA-Z0-9]+$/.test(key) ? [] : [CONFIG_KEY_PROBLEM];
}

function nameProblems(
  name: string,
  { pattern, most, problem }: NameRule,
  unit: 'bytes' | 'characters',
): string[] {
  const problems: string[] = [];
  if (name.length > most) problems.push(`must be no more than ${String(most)} ${unit}`);
  if (!pattern.test(name)) problems.push(problem);
  return problems;
}

/** What is wrong with a key of labels or annotations, or with a finalizer. */
export function qualifiedNameProblems(text: string): string[] {
  const parts = text.split('/');
  if (parts.length > 2) {
    return [
      `a valid label key ${QUALIFIED_PROBLEM} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const problems: string[] = [];
  const name = parts.at(-1) ?? '';
  const prefix = parts.length === 2 ? parts[0] : undefined;
  if (prefix === '') problems.push('prefix part must be non-empty');
  else if (prefix !== undefined) {
    problems.push(
      ...nameProblems(prefix, SUBDOMAIN_RULE, 'bytes').map((why) => `prefix part ${why}`),
    );
  }
  if (name === '') problems.push('name part must be non-empty');
  else if (name.length > 63) problems.push('name part must be no more than 63 bytes');
  if (!QUALIFIED_PART.test(name)) problems.push(`name part ${QUALIFIED_PROBLEM}`);
  return problems;
}

export function labelValueProblems(value: string): string[] {
  const problems: string[] = [];
  if (value.length > 63) problems.push('must be no more than 63 bytes');
  if (!LABEL_VALUE.test(value)) problems.push(LABEL_VALUE_PROBLEM);
  return problems;
}
