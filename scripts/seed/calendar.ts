/** Two weeks as people live them: traffic follows the day in Europe, and is thinner on weekends. */
export interface Calendar {
  begin: number
  end: number
  /** The moment by which so much (0 to below 1) of the traffic of the two weeks has come. */
  momentAt(share: number): number
  /** How much of the time (0 to 1) has gone by then: what was released when. */
  ageAt(moment: number): number
}

const hourMs = 3_600_000
const hours = 14 * 24
/** How busy each hour of a day in UTC is. */
const busyness = [4, 3, 2, 2, 3, 6, 14, 28, 45, 55, 58, 54, 46, 52, 56, 54, 48, 38, 28, 22, 18, 14, 9, 6]
const weekend = 0.4

export function createCalendar(until: Date): Calendar {
  const end = until.getTime()
  const begin = end - hours * hourMs
  const loads = Array.from({ length: hours }, (_, hour) => loadAt(new Date(begin + hour * hourMs)))
  let total = 0
  const loadsUpTo = loads.map((load) => {
    total += load
    return total
  })
  return {
    begin,
    end,
    momentAt(share) {
      const come = share * total
      const hour = loadsUpTo.findIndex((upTo) => come < upTo)
      const left = (loadsUpTo[hour] as number) - come
      return Math.floor(begin + (hour + 1 - left / (loads[hour] as number)) * hourMs)
    },
    ageAt: (moment) => (moment - begin) / (end - begin),
  }
}

function loadAt(moment: Date): number {
  const isWeekend = moment.getUTCDay() % 6 === 0
  return (busyness[moment.getUTCHours()] as number) * (isWeekend ? weekend : 1)
}
