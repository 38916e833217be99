// Charts as SVG, by echarts, which needs no browser for that.
import { init, use } from 'echarts/core'
import { BarChart } from 'echarts/charts'
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components'
import { SVGRenderer } from 'echarts/renderers'
import type { Chart } from '../scenarios/scenario.js'
import { shown } from './figures.js'

use([BarChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer])

export function chartSvg({ title, unit, isLogarithmic, categories, series }: Chart): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: 720, height: 380 })
  chart.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    title: { text: title, left: 'center', top: 8, textStyle: { fontSize: 15 } },
    legend: { bottom: 6 },
    grid: { left: 80, right: 24, top: 48, bottom: 56 },
    xAxis: { type: 'category', data: [...categories] },
    yAxis: { type: isLogarithmic ? 'log' : 'value', name: unit, nameGap: 12 },
    color: ['#2f6fdf', '#b8bfca', '#e0913a'],
    series: series.map(({ name, values }) => ({
      ...{ type: 'bar' as const, name, data: [...values] },
      label: {
        show: true,
        position: 'top' as const,
        fontSize: 10,
        formatter: ({ value }: { readonly value?: unknown }) => shown(Number(value)),
      },
    })),
  })
  const svg = chart.renderToSVGString()
  chart.dispose()
  return svg
}
