export interface KubeconfigUser {
  readonly token?: string;
  readonly certificate?: string;
  readonly key?: string;
}

/** A kubeconfig as JSON, which is YAML: every client reads it and nothing has to be escaped. */
export function renderKubeconfig(url: string, authority: string, user: KubeconfigUser): string {
  const name = 'leasehold-test';
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name, cluster: { server: url, 'certificate-authority-data': encodeBase64(authority) } },
    ],
    users: [
      {
        name,
        user: {
          ...(user.token !== undefined && { token: user.token }),
          ...(user.certificate !== undefined && {
            'client-certificate-data': encodeBase64(user.certificate),
          }),
          ...(user.key !== undefined && { 'client-key-data': encodeBase64(user.key) }),
        },
      },
    ],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
  return `${JSON.stringify(kubeconfig, undefined, 2)}\n`;
}

function encodeBase64(text: string): string {
  return Buffer.from(text).toString('base64');
}
