import { createClient, plain } from 'weft/client'

const [url, dataMarket, projectId] = location.hash.slice(1).split(' ')
const client = createClient({ api: url, verify: 'proof', rpc: `${url}/rpc`, market: { dataMarket } })
const point = await client.project(projectId).latest()
document.body.textContent = `${plain(point.value).price} (${point.verified})`
