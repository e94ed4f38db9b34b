import { recoverAddress } from 'viem/utils'
import { type Address, parseAddress } from '#domain/ids.ts'

/** As `Recoverer`, without a native library: for a browser, and about ten times slower. */
export const portableRecoverer = {
  async recover(digest: Uint8Array, signature: Uint8Array): Promise<Address | undefined> {
    const rs: `0x${string}` = `0x${signature.subarray(0, 64).toHex()}`
    // With the recovery id alone as its last byte viem takes a signature for one of another form.
    const whole: `0x${string}` = `${rs}${(27 + Number(signature[64])).toString(16)}`
    try {
      return parseAddress(await recoverAddress({ hash: `0x${digest.toHex()}`, signature: whole }))
    } catch {
      // The lengths are right, so this is the library's one way to say that no public key fits.
      return undefined
    }
  },
}
