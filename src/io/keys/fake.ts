import type { SigningRecord } from './port.ts'
import { createSigned, type Signed } from './signed.ts'

/** Of a machine whose disk is `signed`, shared by all that are opened on it. */
export function createFakeSigningRecord(signed: Signed = createSigned()): SigningRecord {
  return {
    async checkAndRecord(vote) {
      const { others, fresh } = signed.compare(vote)
      if (fresh.length > 0) signed.note({ ...vote, slotIds: fresh })
      return others
    },
  }
}
