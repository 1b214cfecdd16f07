// k6/lib/grpc-client.js
// The adder as a function, for scripts of your own:
//
//   import { Adder } from '../lib/grpc-client.js';
//   const adder = new Adder(['../proto'], 'sum.proto');
//   export default function () { adder.sum(1, 2); }
import grpc from 'k6/net/grpc';
import { check } from 'k6';

export const ADDER_ADDR = __ENV.ADDER_ADDR || 'localhost:50051';

export class Adder {
  constructor(importPaths, file) {
    this.client = new grpc.Client();
    this.client.load(importPaths, file);
    this.isOpen = false;
  }

  // Opens the connection once for each VU, instead of once for each call.
  open(address = ADDER_ADDR) {
    if (!this.isOpen) {
      this.client.connect(address, { plaintext: true });
      this.isOpen = true;
    }
  }

  // Returns the sum, or null if the call failed.
  sum(x, y, params = {}) {
    this.open();
    const response = this.client.invoke('sum.SumNumbersService/SumNumbers', { x, y }, params);
    const ok = check(response, {
      'status is OK': (r) => r && r.status === grpc.StatusOK,
      'sum is correct': (r) => r && r.message && r.message.sum === x + y,
    });
    return ok ? response.message.sum : null;
  }

  close() {
    this.client.close();
    this.isOpen = false;
  }
}
