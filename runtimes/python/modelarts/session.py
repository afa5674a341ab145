"""`from modelarts.session import Session`: the job's own identity, and transfers from and to OBS.

Everything else of the vendor's SDK is not here; call the platform's HTTP API instead.
"""

import os

import moxing as mox


class Session:
    """Region, project and credentials are the job's own; arguments override the region and project."""

    def __init__(self, region_name=None, project_id=None, **_):
        self.region_name = region_name or os.environ.get('MA_REGION') or os.environ.get('REGION_NAME', '')
        self.project_id = project_id or os.environ.get('MA_PROJECT_ID') or os.environ.get('PROJECT_ID', '')
        self.obs = Obs()

    def download_data(self, bucket_path, path):
        """Copies an object or, when the name ends with `/`, everything under it to a local path."""
        self.obs.download_dir(bucket_path, path) if bucket_path.endswith('/') else self.obs.download_file(bucket_path, path)

    def upload_data(self, bucket_path, path):
        """Copies a local file or directory to OBS."""
        self.obs.upload_dir(path, bucket_path) if os.path.isdir(path) else self.obs.upload_file(path, bucket_path)


def _url(path):
    return path if '://' in path else 'obs://' + path.lstrip('/')


class Obs:
    """File transfers; OBS paths are `obs://bucket/key` or `/bucket/key`."""

    def download_file(self, src_obs_file, dst_local_path):
        if os.path.isdir(dst_local_path):
            dst_local_path = os.path.join(dst_local_path, src_obs_file.rstrip('/').rsplit('/', 1)[-1])
        mox.file.copy(_url(src_obs_file), dst_local_path)

    def upload_file(self, src_local_file, dst_obs_path):
        if dst_obs_path.endswith('/'):
            dst_obs_path += os.path.basename(src_local_file)
        mox.file.copy(src_local_file, _url(dst_obs_path))

    def download_dir(self, src_obs_dir, dst_local_dir):
        mox.file.copy_parallel(_url(src_obs_dir), dst_local_dir)

    def upload_dir(self, src_local_dir, dst_obs_dir):
        mox.file.copy_parallel(src_local_dir, _url(dst_obs_dir))

    def list_directory(self, obs_path):
        return mox.file.list_directory(_url(obs_path))

    def is_exists(self, obs_path):
        return mox.file.exists(_url(obs_path))
