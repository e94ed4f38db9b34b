import { createClient } from 'weft/client'
import { blocksOf } from 'weft/compute'

const [url, dataMarket, projectId] = process.argv.slice(2)
const client = createClient({ api: url, verify: 'proof', rpc: `${url}/rpc`, market: { dataMarket } })
const { value, verified } = await client.project(projectId).latest()
console.log(`v=${value.epochId}n,${value.price}`)
console.log(verified)
console.log(`weft/compute: ${blocksOf({ epochId: 1, begin: 10, end: 12 })}`)
