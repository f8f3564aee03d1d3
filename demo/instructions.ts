/** How to look at the demo from another terminal. */
export function commands(kubeconfig: string): readonly string[] {
  return [
    `kubectl --kubeconfig ${kubeconfig} get leases -w`,
    `npx node src/cli/main.ts ls --kubeconfig ${kubeconfig}`,
  ];
}
