/** Pure. A URL as it may be logged: without its password and its query. Never throws. */
export function maskUrl(text: string): string {
  try {
    const url = new URL(text);
    if (url.password !== '') url.password = '***';
    url.search = '';
    return url.href;
  } catch {
    return '(no valid URL)';
  }
}
