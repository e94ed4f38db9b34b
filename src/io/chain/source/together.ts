import type { RpcAnswer } from '#io/chain/rpc/answer.ts'
import { INVALID_PARAMS } from '#io/chain/rpc/doubts.ts'
import type { Rpc } from '#io/chain/rpc/rpc.ts'
import { answersIn, multicall, type View } from './multicall.ts'
import { askAbove, assertParent, type Place, type StateReader } from './state.ts'
import { createTurn } from './turn.ts'

/** Views in one call: at 30,000 gas each, well within what a read may have. */
const TOGETHER_MAX = 200
/** After no endpoint took several views in one call, so many groups are asked one by one. */
const APART_GROUPS = 64

interface Asked {
  readonly place: Place
  readonly view: View
  readonly resolve: (answer: RpcAnswer | Promise<RpcAnswer>) => void
}

/**
 * What is asked in one turn of one block is asked in one call. A view that fails in it, or returns nothing, is asked by itself: its refusal
 * concerns it alone, and what looks empty has its second look. So is every view where endpoints take no state overrides, or no hashes.
 */
export function createTogether(rpc: Rpc, alone: StateReader): StateReader {
  let groupsApart = 0

  const askAlone = (group: readonly Asked[]): void => {
    for (const { place, view, resolve } of group) resolve(alone(place, view))
  }

  async function askTogether(place: Place, group: readonly Asked[]): Promise<readonly (string | undefined)[] | undefined> {
    const { call, overrides } = multicall(group.map(({ view }) => view))
    const params = [call, { blockHash: place.blockHash, requireCanonical: true }, overrides]
    // In one turn, so that one node answers both.
    const [answer, above] = await Promise.all([rpc.ask('eth_call', params), askAbove(rpc, place)])
    const found = answer.isOk ? answersIn(answer.result, group.length) : undefined
    if (found === undefined) {
      if (answer.isOk || answer.refusal.code === INVALID_PARAMS) groupsApart = APART_GROUPS
      return undefined
    }
    assertParent(rpc, above, place)
    return found
  }

  function work(place: Place, group: readonly Asked[]): void {
    if (group.length === 1 || groupsApart > 0) {
      if (group.length > 1) groupsApart -= 1
      askAlone(group)
      return
    }
    const answers = askTogether(place, group)
    group.forEach(({ view, resolve }, index) => {
      resolve(
        answers.then((found) => {
          const result = found?.[index]
          return result === undefined || result === '0x' ? alone(place, view) : { isOk: true, result }
        }),
      )
    })
  }

  const take = createTurn<Asked>((asked) => {
    for (const ofBlock of Map.groupBy(asked, ({ place }) => `${place.blockNumber} ${place.blockHash}`).values())
      for (let begin = 0; begin < ofBlock.length; begin += TOGETHER_MAX)
        work((ofBlock[begin] as Asked).place, ofBlock.slice(begin, begin + TOGETHER_MAX))
  })

  return (place, view) => (place.blockHash === undefined ? alone(place, view) : new Promise((resolve) => take({ place, view, resolve })))
}
