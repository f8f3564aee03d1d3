import { format } from 'prettier';

const NAMESPACE = 'leasehold';
const HEADER = '# Written by `npm run chart` from charts/leasehold.\n';
/** What only Helm says, and which would be untrue without it. */
const HELM_LABELS = /^ +(helm\.sh\/chart|app\.kubernetes\.io\/managed-by): .*\n/gm;

/** For {@link deployFiles}: how to render the chart. Hooks are for Helm alone. */
export const RENDER = ['template', 'leasehold', '-n', NAMESPACE, '--no-hooks'];

/**
 * The files of `deploy/`, by name: what the chart renders, a file for each template, and what kustomize
 * needs.
 *
 * @param rendered - what Helm prints when it is called with {@link RENDER}
 */
export async function deployFiles(
  rendered: string,
  appVersion: string,
): Promise<Map<string, string>> {
  const files = new Map([['namespace.yaml', namespace()]]);
  for (const text of rendered.split(/^---\n/m)) {
    const [source, name] = /^# Source: leasehold\/templates\/(.+)\n/.exec(text) ?? [];
    if (source === undefined || name === undefined) continue;
    const object = text.slice(source.length).replaceAll(HELM_LABELS, '').trim();
    const before = files.get(name);
    files.set(name, before === undefined ? `${object}\n` : `${before}---\n${object}\n`);
  }
  files.set('kustomization.yaml', kustomization([...files.keys()], appVersion));
  for (const [name, text] of files) {
    files.set(name, await format(HEADER + text, { parser: 'yaml', singleQuote: true }));
  }
  return files;
}

function namespace(): string {
  return `apiVersion: v1
kind: Namespace
metadata:
  name: ${NAMESPACE}
  labels:
    pod-security.kubernetes.io/enforce: restricted
`;
}

function kustomization(resources: readonly string[], appVersion: string): string {
  return `# kubectl apply -k deploy
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: ${NAMESPACE}
resources:
${resources.map((name) => `  - ${name}`).join('\n')}
images:
  # Where your nodes can pull the image that the Dockerfile builds: set newName to that.
  - name: leasehold
    newName: leasehold
    newTag: ${appVersion}
`;
}
