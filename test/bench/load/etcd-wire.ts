// The two calls of etcd that are measured, as gRPC puts them on the wire: five bytes of prefix, then protocol buffers.

const field = (tag: number, bytes: Uint8Array): Buffer => Buffer.concat([Buffer.of((tag << 3) | 2), varint(bytes.length), bytes])

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128)
  return Buffer.of(...bytes, rest)
}

function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

export const putRequest = (key: string, value: Uint8Array): Buffer => framed(Buffer.concat([field(1, Buffer.from(key)), field(2, value)]))
/** Linearizable, which is what etcd does unless told otherwise. */
export const rangeRequest = (key: string): Buffer => framed(field(1, Buffer.from(key)))

export const putPath = '/etcdserverpb.KV/Put'
export const rangePath = '/etcdserverpb.KV/Range'
