"""Images and volumes: colours, sizes, geometry, patches and filters; channels last or first."""

from pronghorn.ops.image.borders import crop_images, pad_images
from pronghorn.ops.image.colours import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from pronghorn.ops.image.elastic import elastic_transform
from pronghorn.ops.image.filters import gaussian_blur, sobel_edges, ssim
from pronghorn.ops.image.patches import extract_patches, extract_patches_3d
from pronghorn.ops.image.sampling import affine_transform, map_coordinates, perspective_transform
from pronghorn.ops.image.scaling import resize, scale_and_translate

__all__ = [
    "affine_transform", "crop_images", "elastic_transform", "extract_patches", "extract_patches_3d", "gaussian_blur", "hsv_to_rgb", "map_coordinates",
    "pad_images", "perspective_transform", "resize", "rgb_to_grayscale", "rgb_to_hsv", "scale_and_translate", "sobel_edges", "ssim",
]  # fmt: skip
