import protobuf from 'protobufjs';

/** What we need of BuildKit's own messages; fields that are left out here are passed over when one is read. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message StatusResponse {
    repeated Vertex vertexes = 1;
    repeated VertexStatus statuses = 2;
    repeated VertexLog logs = 3;
    repeated VertexWarning warnings = 4;
  }
  message Vertex {
    string digest = 1;
    string name = 3;
    bool cached = 4;
    Timestamp started = 5;
    Timestamp completed = 6;
    string error = 7;
  }
  message VertexStatus { string ID = 1; string vertex = 2; Timestamp completed = 8; }
  message VertexLog { string vertex = 1; bytes msg = 4; }
  message VertexWarning { string vertex = 1; bytes short = 3; }
  message Timestamp { int64 seconds = 1; int32 nanos = 2; }

  message CredentialsRequest { string Host = 1; }
  message CredentialsResponse { string Username = 1; string Secret = 2; }

  message HealthCheckRequest { string service = 1; }
  message HealthCheckResponse { int32 status = 1; }
`);

export interface BuildStatus {
  readonly vertexes: readonly Vertex[];
  readonly statuses: readonly { readonly ID: string; readonly vertex: string; readonly completed: Timestamp | null }[];
  readonly logs: readonly { readonly vertex: string; readonly msg: Uint8Array }[];
  readonly warnings: readonly { readonly vertex: string; readonly short: Uint8Array }[];
}

/** One step of a build. It is told again whenever something of it changes. */
export interface Vertex {
  readonly digest: string;
  readonly name: string;
  readonly cached: boolean;
  readonly started: Timestamp | null;
  readonly completed: Timestamp | null;
  readonly error: string;
}

export interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

const statusResponse = root.lookupType('StatusResponse');

/** Reads the text that stands in the engine's stream for one message. */
export function readBuildStatus(base64: string): BuildStatus {
  const message = statusResponse.decode(Buffer.from(base64, 'base64'));
  return statusResponse.toObject(message, { longs: Number, defaults: true }) as BuildStatus;
}

/** How gRPC reads and writes the messages of one call. */
export function callMessages(request: 'CredentialsRequest' | 'HealthCheckRequest', response: string) {
  const [asked, answered] = [root.lookupType(request), root.lookupType(response)];
  return {
    requestSerialize: (message: object) => Buffer.from(asked.encode(asked.create(message)).finish()),
    requestDeserialize: (bytes: Buffer) => asked.decode(bytes),
    responseSerialize: (message: object) => Buffer.from(answered.encode(answered.create(message)).finish()),
    responseDeserialize: (bytes: Buffer) => answered.decode(bytes),
  };
}
