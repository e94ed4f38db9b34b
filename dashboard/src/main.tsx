import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import 'uplot/dist/uPlot.min.css'
import './style/tokens.css'
import './style/frame.css'
import './style/parts.css'
import './style/pages.css'
import { App } from './app.tsx'
import { applyTheme, chosenTheme } from './ui/theme.tsx'

applyTheme(chosenTheme())
const root = document.getElementById('root')
if (root !== null)
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  )
