/** The network that all containers of an account share; nobody else's are on it. `installation` is the installation's short id. */
export function accountNetworkName(installation: string, accountId: string): string {
  return `atelier-${installation}-${accountId.slice(0, 8)}`;
}
