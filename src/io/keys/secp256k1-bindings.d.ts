/** The native binding of npm `secp256k1`; the package brings no types. Throws plain `Error`s. */
declare module 'secp256k1/bindings.js' {
  interface Bindings {
    privateKeyVerify(privateKey: Uint8Array): boolean
    publicKeyCreate(privateKey: Uint8Array, compressed: boolean): Uint8Array
    ecdsaSign(digest: Uint8Array, privateKey: Uint8Array): { readonly signature: Uint8Array; readonly recid: number }
    /** Throws when the signature is out of range or fits no key. */
    ecdsaRecover(signature: Uint8Array, recoveryId: number, digest: Uint8Array, compressed: boolean, output: Uint8Array): Uint8Array
  }
  const bindings: Bindings
  export default bindings
}
