export { type Capacity, type Flavor, findFlavor, flavors } from './flavor.ts';
