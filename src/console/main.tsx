import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import './components.css';
import './console.css';

createRoot(document.getElementById('root')!).render(<App />);
