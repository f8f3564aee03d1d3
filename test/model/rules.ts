/** Which rules of a model hold: all, but for the one that a mutant drops. */
export function rulesWithout<Rule extends string>(
  rules: Readonly<Record<Rule, string>>,
  dropped?: Rule,
): Readonly<Record<Rule, boolean>> {
  const entries = Object.keys(rules).map((rule) => [rule, rule !== dropped]);
  return Object.fromEntries(entries) as Readonly<Record<Rule, boolean>>;
}
