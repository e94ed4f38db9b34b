/**
 * Many views in one `eth_call`: it calls code of ours, which the call itself puts at the zero address for as long as it lasts (a state override).
 * Views are asked by nobody there, the zero address, as in a call by itself, so each answers the same in both; and it is there at every block
 * of every chain. To whoever else calls the zero address within the call it answers nothing, as if there were no code.
 *
 * It reads `address (20 bytes), length (4), data` again and again, and writes `1 or 0, length (4 bytes), what was returned` for each:
 *
 *     CALLER @stop JUMPI  0 0                                        ; i m: read up to i, written up to m
 *     loop:  CALLDATASIZE DUP3 LT ISZERO @end JUMPI
 *            DUP2 CALLDATALOAD DUP1 64 SHR 0xffffffff AND            ; i m word length
 *            DUP1 DUP5 24 ADD DUP5 5 ADD CALLDATACOPY
 *            0 0 DUP3 DUP6 5 ADD DUP6 96 SHR 1000000 STATICCALL      ; i m word length isOk
 *            RETURNDATASIZE DUP1 16384 LT @big JUMPI                 ; … isOk size
 *     store: DUP1 224 SHL DUP6 1 ADD MSTORE  DUP1 0 DUP7 5 ADD RETURNDATACOPY  SWAP1 DUP5 MSTORE8
 *            DUP4 ADD 5 ADD SWAP3 POP SWAP1 POP DUP3 ADD 24 ADD SWAP2 POP @loop JUMP
 *     big:   POP POP 0 0 @store JUMP
 *     end:   0 RETURN
 *     stop:  STOP
 *
 * A view that needs more gas than a million, or answers with more than 16 KiB, is one that failed here: whoever asks asks it by itself, with
 * all the gas of a read.
 */
const CODE =
  '0x33607757600060005b3682101560735781358060401c63ffffffff16808460180184600501376000600082856005018560601c620f4240fa3d80614000106069575b8060e01b8560010152806000866005013e908453830160050192509050820160180191506008565b5050600060006041565b6000f35b00'
const NOBODY = `0x${'0'.repeat(40)}`
const HEAD_CHARS = 2 + 8

export interface View {
  readonly to: string
  readonly data: string
  readonly gas: string
}

/** The first and third parameter of the `eth_call`, the block being the second. All views have the same gas. */
export function multicall(views: readonly View[]): { readonly call: View; readonly overrides: object } {
  const data = views.map((view) => `${view.to.slice(2)}${hex4((view.data.length - 2) / 2)}${view.data.slice(2)}`).join('')
  return { call: { to: NOBODY, data: `0x${data}`, gas: views[0]?.gas ?? '0x0' }, overrides: { [NOBODY]: { code: CODE } } }
}

/** What each view returned, `undefined` of one that failed. `undefined` for all when it is no answer to so many views. */
export function answersIn(result: unknown, count: number): readonly (string | undefined)[] | undefined {
  if (typeof result !== 'string' || !/^0x[0-9a-f]*$/i.test(result)) return undefined
  const answers: (string | undefined)[] = []
  let at = 2
  while (at + HEAD_CHARS <= result.length) {
    const isOk = result.slice(at, at + 2) === '01'
    const end = at + HEAD_CHARS + 2 * Number.parseInt(result.slice(at + 2, at + HEAD_CHARS), 16)
    answers.push(isOk ? `0x${result.slice(at + HEAD_CHARS, end)}` : undefined)
    at = end
  }
  return at === result.length && answers.length === count ? answers : undefined
}

const hex4 = (value: number): string => value.toString(16).padStart(8, '0')
