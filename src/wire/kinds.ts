// First byte of every body. All formats share one number space, so that what arrives at the wrong port is recognised, never misread.
// A number is for good; a new meaning gets a new one.
import type { PeerMessage } from '../core/types.ts'
import type { ClientMessage, ServerMessage } from './client-messages.ts'

export const bodyKinds = {
  // Between peers.
  PreVote: 0x01,
  PreVoteReply: 0x02,
  RequestVote: 0x03,
  RequestVoteReply: 0x04,
  AppendEntries: 0x05,
  AppendEntriesReply: 0x06,
  Heartbeat: 0x07,
  HeartbeatReply: 0x08,
  InstallSnapshot: 0x09,
  InstallSnapshotReply: 0x0a,
  TimeoutNow: 0x0b,
  ReadIndex: 0x0c,
  ReadIndexReply: 0x0d,
  SnapshotRequest: 0x0e,
  SnapshotChunk: 0x0f,
  Recall: 0x10,
  RecallReply: 0x11,
  EntriesRequest: 0x12,
  EntriesChunk: 0x13,
  DigestReport: 0x14,
  DigestsRequest: 0x15,
  DigestsChunk: 0x16,
  Halted: 0x17,
  VersionsKnown: 0x18,
  // Between the transports of peers; nodes do not see them.
  PeerHello: 0x20,
  PeerWelcome: 0x21,
  Ping: 0x22,
  Pong: 0x23,
  // From a client.
  Hello: 0x40,
  OpenSession: 0x41,
  Commands: 0x42,
  Queries: 0x43,
  KeepAlive: 0x44,
  CloseSession: 0x45,
  StatusRequest: 0x46,
  AdminRequest: 0x47,
  JoinRequest: 0x48,
  // To a client. `Goodbye` also goes to peers that are refused.
  Welcome: 0x60,
  SessionOpened: 0x61,
  Replies: 0x62,
  QueryReplies: 0x63,
  LeaderChanged: 0x64,
  StatusReply: 0x65,
  Goodbye: 0x66,
  KeepAliveReply: 0x67,
  AdminReply: 0x68,
  JoinReply: 0x69,
} as const satisfies Record<
  PeerMessage['kind'] | ClientMessage['kind'] | ServerMessage['kind'] | 'PeerHello' | 'PeerWelcome' | 'Ping' | 'Pong',
  number
>
