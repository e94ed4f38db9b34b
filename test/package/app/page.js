import { createClient, plain } from 'weft/client'

// Not at the top level: what verifies is loaded later, may stand on modules of this file's chunk, and would wait for it while it waits for that.
async function main() {
  const [url, dataMarket, projectId] = location.hash.slice(1).split(' ')
  const client = createClient({ api: url, verify: 'proof', rpc: `${url}/rpc`, market: { dataMarket } })
  const point = await client.project(projectId).latest()
  document.body.textContent = `${plain(point.value).price} (${point.verified})`
}

void main()
