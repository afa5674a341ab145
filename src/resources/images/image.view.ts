import { type GroupNotes, groupId, type Image } from './image.ts';

/** An image as the API shows it. `size` is in bytes: the document says KB, its example is bytes (behaviour/notebooks.md 3). */
export function imageView(image: Image) {
  return {
    id: image.id,
    name: image.name,
    namespace: image.namespace,
    tag: image.tag,
    swr_path: image.swrPath,
    description: image.description,
    arch: image.arch,
    origin: image.origin,
    type: image.type,
    resource_categories: [...image.resourceCategories],
    support_res_categories: [...image.resourceCategories],
    dev_services: [...image.devServices],
    service_type: image.serviceType,
    visibility: image.visibility,
    status: image.status,
    status_message: image.statusMessage,
    size: image.size,
    workspace_id: image.workspaceId,
    show_name: image.name,
    show_tag: image.tag,
    flavor_type: '',
    swr_instance_id: '',
    tags: [],
    create_at: image.createdAt,
    update_at: image.updatedAt,
  };
}

/** Images of one name as the API shows them. */
export function imageGroupView(versions: readonly [Image, ...Image[]], notes: GroupNotes | undefined) {
  const [first] = versions;
  return {
    id: groupId(first),
    name: first.name,
    namespace: first.namespace,
    version_count: versions.length,
    description: first.description,
    create_at: Math.min(...versions.map(each => each.createdAt)),
    update_at: Math.max(...versions.map(each => each.updatedAt)),
    read_me: notes?.readMe ?? '',
    tags: notes?.tags ?? [],
    icon_name: '',
    swr_instance_id: '',
    swr_instance_name: '',
  };
}
