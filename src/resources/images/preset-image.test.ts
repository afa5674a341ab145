import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { engineOfRuntime, engines, findEngine, PYTORCH_IMAGE } from './index.ts';

const DOCUMENTED = 'pytorch_1.8.0-cuda_10.2-py_3.7-ubuntu_18.04-x86_64';

describe('the catalog of preset engines', () => {
  it('holds the documented id, and says what its image really is', () => {
    const engine = findEngine({ engineId: DOCUMENTED });
    assert.equal(engine?.imageRef, PYTORCH_IMAGE);
    assert.equal(engine?.compatible, true);
    assert.equal(engine?.contains.torch, '1.13.1');
    assert.equal(engine?.user, '1000:100');
  });

  it('lists an honest id first', () => {
    const [first] = engines();
    assert.equal(first?.compatible, false);
    assert.match(first?.engineId ?? '', /^pytorch_1\.13\.1-cpu-py_3\.11-debian_12-/);
  });

  it('finds an engine by name and version, whole or the number alone', () => {
    assert.equal(findEngine({ engineName: 'PyTorch', engineVersion: DOCUMENTED })?.engineId, DOCUMENTED);
    assert.equal(findEngine({ engineName: 'pytorch', engineVersion: '1.8.0' })?.engineId, DOCUMENTED);
    assert.equal(findEngine({ engineName: 'PyTorch' })?.engineId, engines()[0]?.engineId);
  });

  it('finds nothing for what is unknown, contradictory or empty', () => {
    assert.equal(findEngine({}), undefined);
    assert.equal(findEngine({ engineVersion: '1.8.0' }), undefined);
    assert.equal(findEngine({ engineId: 'pytorch_9' }), undefined);
    assert.equal(findEngine({ engineId: DOCUMENTED, engineName: 'MindSpore' }), undefined);
    assert.equal(findEngine({ engineName: 'PyTorch', engineVersion: '1' }), undefined);
  });

  it('knows the runtime of a config.json', () => {
    assert.equal(engineOfRuntime(DOCUMENTED)?.engineId, DOCUMENTED);
    assert.equal(engineOfRuntime('tensorflow_2.1.0'), undefined);
  });
});
