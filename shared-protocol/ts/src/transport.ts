// What a session needs of a connection, and the one that browsers have: WebTransport.

/** How a connection ended. */
export interface CloseInfo {
  readonly closeCode?: number;
  readonly reason?: string;
}

/** A connection; a `WebTransport` is one. */
export interface Transport {
  readonly ready: Promise<unknown>;
  /** Rejects if the connection was lost. */
  readonly closed: Promise<CloseInfo>;
  readonly datagrams: {
    readonly readable: ReadableStream<Uint8Array>;
    readonly writable: WritableStream<Uint8Array<ArrayBuffer>>;
  };
  createBidirectionalStream(): Promise<{
    readonly readable: ReadableStream<Uint8Array>;
    readonly writable: WritableStream<Uint8Array<ArrayBuffer>>;
  }>;
  close(info?: { closeCode?: number; reason?: string }): void;
}

/** Where to connect to. */
export interface Address {
  /** `https://host:port/`. */
  readonly url: string;
  /** SHA-256 of the server's certificate, 64 hexadecimal digits, colons allowed: of a server whose
   * certificate no authority signed. */
  readonly certificateSha256?: string | undefined;
}

/** Begins to connect. */
export function openWebTransport({ url, certificateSha256 }: Address): Transport {
  if (typeof WebTransport === "undefined") {
    throw new Error("no WebTransport here: it needs a recent browser, and a page from https or localhost");
  }
  const options: WebTransportOptions = { requireUnreliable: true };
  if (certificateSha256 !== undefined) {
    options.serverCertificateHashes = [{ algorithm: "sha-256", value: hashBytes(certificateSha256) }];
  }
  return new WebTransport(url, options);
}

function hashBytes(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replace(/[:\s]/g, "");
  if (!/^[0-9a-fA-F]{64}$/.test(digits)) {
    throw new Error("the certificate's SHA-256 should be 64 hexadecimal digits");
  }
  return Uint8Array.from(digits.match(/../g)!, (pair) => Number.parseInt(pair, 16));
}
