import { createRoot } from 'react-dom/client'
import { Router } from 'wouter'
import { App } from './app'
import { base } from './route'
import './styles/tokens.css'
import './styles/base.css'
import './styles/shell.css'
import './styles/parts.css'
import './styles/pages.css'

const root = document.getElementById('root')
if (!root) throw new Error('expected an element #root in index.html')
createRoot(root).render(
  <Router base={base}>
    <App />
  </Router>,
)
