// Bytes as the document writes them.

/** From hexadecimal digits, with or without spaces. */
export function bytesOf(hex: string): Uint8Array {
  const digits = hex.replace(/\s/g, "");
  return Uint8Array.from({ length: digits.length / 2 }, (_, n) => Number.parseInt(digits.slice(2 * n, 2 * n + 2), 16));
}

/** To hexadecimal digits, a space between bytes. */
export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
