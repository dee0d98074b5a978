// Boots the page: takes the token out of the address before any other code is loaded.
import { takeToken } from './token';
import './style.css';

takeToken();
await import('./page');
