import type { ChainEvent, Preload } from 'weft/compute'
import type { AaveV3Config } from './config.ts'

export const BULK_EVENT = 'bulk_event'

const EVENTS = [
  'event Supply(address indexed reserve, address user, address indexed onBehalfOf, uint256 amount, uint16 indexed referralCode)',
  'event Withdraw(address indexed reserve, address indexed user, address indexed to, uint256 amount)',
  'event Repay(address indexed reserve, address indexed user, address indexed repayer, uint256 amount, bool useATokens)',
  'event Borrow(address indexed reserve, address user, address indexed onBehalfOf, uint256 amount, uint8 interestRateMode, uint256 borrowRate, uint16 indexed referralCode)',
  'event LiquidationCall(address indexed collateralAsset, address indexed debtAsset, address indexed user, uint256 debtToCover, uint256 liquidatedCollateralAmount, address liquidator, bool receiveAToken)',
]

/** All events of the pool within the epoch, in chain order: one request, shared by every asset. */
export function bulkEvent({ pool }: AaveV3Config): Preload {
  return {
    taskType: BULK_EVENT,
    preload: ({ epoch, source }): Promise<readonly ChainEvent[]> =>
      source.events({ address: pool, events: EVENTS, fromBlock: epoch.begin, toBlock: epoch.end }),
  }
}
