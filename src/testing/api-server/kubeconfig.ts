export interface KubeconfigContents {
  readonly url: string;
  /** PEM. */
  readonly ca: string;
  readonly token: string;
  readonly namespace: string;
}

/** A kubeconfig as JSON, which is YAML: every client reads it and nothing has to be escaped. */
export function renderKubeconfig({ url, ca, token, namespace }: KubeconfigContents): string {
  const name = 'leasehold-dev';
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        name,
        cluster: {
          server: url,
          'certificate-authority-data': Buffer.from(ca).toString('base64'),
        },
      },
    ],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace } }],
    'current-context': name,
  };
  return `${JSON.stringify(kubeconfig, undefined, 2)}\n`;
}
